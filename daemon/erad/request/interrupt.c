// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds out whether a long request must end early: see interrupt.h. */
#include <errno.h>

#include "erad/request/interrupt.h"
#include "erad/volume/volume.h"

int request_interrupted(struct jsonl *j, struct volume *v)
{
	if (v && volume_closing(v))
		return -ESHUTDOWN;
	return jsonl_peer_gone(j) ? -ECANCELED : 0;
}
