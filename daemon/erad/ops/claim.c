// SPDX-License-Identifier: GPL-2.0-or-later
/* Claims the name of a known volume: see claim.h. */
#include "erad/ops/claim.h"
#include "erad/ops/closed.h"

int op_claim(struct claim *c, const char *name, struct volume **v, struct err *err)
{
	int r = volumes_claim(c, name, v, err);

	if (r || *v)
		return r;
	r = op_known(name, err);
	if (r)
		volumes_release(c);
	return r;
}
