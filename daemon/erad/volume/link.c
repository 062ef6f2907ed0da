// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the state of the attached instance: see link.h. */
#include "erad/volume/link.h"
#include "erad/volume/volume.h"

int link_refresh(struct volume *v)
{
	struct erad_info info;
	int r = instance_info(v->fd, &info);

	if (r)
		return r;
	pthread_mutex_lock(&v->lock);
	v->info = info;
	v->passing = info.status & ERAD_PASSES_ALL;
	volume_count_states(v);
	pthread_mutex_unlock(&v->lock);
	mirror_state(&v->shown.mirror, info.state);
	return 0;
}
