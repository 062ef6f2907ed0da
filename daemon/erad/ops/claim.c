// SPDX-License-Identifier: GPL-2.0-or-later
/* Claims the name of a known volume: see claim.h. */
#include <errno.h>

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

struct search {
	struct volume *v;
	bool found;
};

static void search_one(void *ctx, const struct erad_info *i)
{
	struct search *s = ctx;

	s->found |= volume_owns(s->v, i);
}

/*
 * Returns whether the volume ends.  If the targets cannot be listed, the volume thread cannot list
 * them either, and the volume does not end.  The caller has claimed the name, so no thread of erad
 * is making a target of the volume.
 */
static bool ends(struct volume *v)
{
	struct search s = { .v = v };
	bool ending;

	pthread_mutex_lock(&v->lock);
	ending = v->ending;
	pthread_mutex_unlock(&v->lock);
	return ending || (!control_each(volumes_control(), search_one, &s) && !s.found);
}

int op_claim_live(struct claim *c, const char *name, struct volume **v, struct err *err)
{
	int r = volumes_claim(c, name, v, err);

	if (r || !*v || !ends(*v))
		return r;
	volume_kick(*v);
	if (!volume_wait_ended(*v, OP_END_MS))
		r = err_set(err, -ETIMEDOUT,
			    "its target was removed, but after %d seconds the metadata is not closed yet; try again later",
			    OP_END_MS / 1000);
	volume_unref(*v);
	*v = NULL;
	if (r)
		volumes_release(c);
	return r;
}
