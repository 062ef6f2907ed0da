// SPDX-License-Identifier: GPL-2.0-or-later
/* Whether a request that reads for long must end: its caller is gone, or its volume closes. */
#include <errno.h>

#include "erad/request/interrupt.h"
#include "erad/volume/volume.h"

int request_interrupted(struct jsonl *j, struct volume *v)
{
	if (v && volume_closing(v))
		return -ESHUTDOWN;
	return jsonl_peer_gone(j) ? -ECANCELED : 0;
}
