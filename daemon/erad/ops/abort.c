// SPDX-License-Identifier: GPL-2.0-or-later
/* Fails the held writes of a volume. */
#include <errno.h>
#include <string.h>

#include "erad/ops/abort.h"
#include "erad/ops/open.h"
#include "erad/volume/registry.h"

int op_abort(const char *name, struct err *err)
{
	struct instances l;
	struct volume *v;
	unsigned int nr = 0;
	int r;

	r = op_find(name, &v, err);
	if (r)
		return r;
	r = volumes_targets(&l, err);
	for (uint32_t n = 0; n < l.nr && !r; n++) {
		if (!volume_owns(v, &l.info[n]))
			continue;
		r = control_abort(volumes_control(), l.info[n].instance_id);
		if (r == -ENOENT || r == -ENODEV)
			r = 0;
		else if (r)
			err_set(err, r, "cannot fail the held writes: %s", strerror(-r));
		else
			nr++;
	}
	if (!r && !nr)
		r = err_set(err, -ENODEV, "the volume has no live target");
	instances_free(&l);
	volume_unref(v);
	return r;
}
