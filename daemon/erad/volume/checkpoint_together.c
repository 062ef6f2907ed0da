// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The requester's part of a checkpoint of several volumes: locks and prepares them, starts their
 * threads, and waits for all of them.  together.h has the design.
 *
 * The checkpoint_locks are taken in the order of the volumes' names, so two requests for
 * overlapping sets cannot wait for each other.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "erad/base/thread.h"
#include "erad/device/stack.h"
#include "erad/volume/checkpoint.h"
#include "erad/volume/rollover.h"
#include "erad/volume/together.h"
#include "erad/volume/volume.h"

/* How long to wait for another checkpoint of one of the volumes. */
#define LOCK_MS		10000u

/* One of the volumes. */
struct part {
	struct volume *v;
	unsigned int place;		/* index of the volume in the request */
	bool may_wait, locked;		/* for volume_has_waited(), and for checkpoint_lock */
	bool started;
	struct checkpoint c;
	uint32_t era;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct part *)a)->v->name, ((const struct part *)b)->v->name);
}

/*
 * Refuses volumes of which one has its metadata on another one.  The new era of the former is
 * written while the writes to the latter are held, so both would wait until the limit of
 * together.c.
 */
static int check_metadata(const struct part *p, unsigned int nr, struct err *err)
{
	for (unsigned int i = 0; i < nr; i++) {
		struct stack below = { 0 };
		int r = stack_add_file(&below, p[i].v->metadata, err);

		for (unsigned int k = 0; k < nr && !r; k++) {
			dev_t dev;

			pthread_mutex_lock(&p[k].v->lock);
			dev = p[k].v->dev;
			pthread_mutex_unlock(&p[k].v->lock);
			if (k != i && dev && stack_has_device(&below, dev))
				r = err_set(err, -EDEADLK, "its metadata %s lies on volume %s, so the two cannot have a checkpoint together; recreate it with metadata on another device",
					    p[i].v->metadata, p[k].v->name);
		}
		if (r)
			return err_prefix(err, r, "volume %s", p[i].v->name);
	}
	return 0;
}

static int lock_part(struct part *p, const struct timespec *until, struct err *err)
{
	int r = volume_may_wait(p->v, err);

	p->may_wait = !r;
	if (!r && pthread_mutex_clocklock(&p->v->checkpoint_lock, CLOCK_MONOTONIC, until))
		r = err_set(err, -EBUSY, "another checkpoint or snapshot has not ended within %u seconds; run 'eractl status %s' to see whether writes hang",
			    LOCK_MS / 1000, p->v->name);
	else if (!r)
		p->locked = true;
	if (!r)
		r = checkpoint_look(p->v, err);
	return r ? err_prefix(err, r, "volume %s", p->v->name) : 0;
}

static void unlock_part(struct part *p)
{
	if (p->locked)
		pthread_mutex_unlock(&p->v->checkpoint_lock);
	if (p->may_wait)
		volume_has_waited(p->v);
	p->locked = p->may_wait = false;
}

/* If the metadata has already begun an era, moves the target to this era. */
static int catch_up(struct volume *v, struct err *err)
{
	struct store *s = volume_store_get(v);
	struct store_info info;
	uint32_t era;
	bool again;

	if (!s)
		return volume_store_missing(err);
	store_info(s, &info);
	volume_store_put(v);
	pthread_mutex_lock(&v->lock);
	era = v->info.era;
	pthread_mutex_unlock(&v->lock);
	return info.era > era ? checkpoint_once(v, &(struct checkpoint){ }, &era, &again, err) : 0;
}

static int prepare_part(struct part *p, struct together *t, unsigned int me, struct err *err)
{
	int r = catch_up(p->v, err);

	p->c = (struct checkpoint){ .together = t, .member = me, .map.fd = -1 };
	if (!r)
		r = checkpoint_prepare(p->v, &p->c, err);
	return r ? err_prefix(err, r, "volume %s", p->v->name) : 0;
}

/*
 * Starts all volumes, and waits until all have ended.  Unlocks a volume when it has its era,
 * because another one may take longer for its drain.  Returns whether to try once more.
 */
static bool run_parts(struct part *p, unsigned int nr, struct together *t)
{
	bool again = false;

	for (unsigned int i = 0; i < nr; i++) {
		struct err err;
		int r = checkpoint_request(p[i].v, &p[i].c, &err);

		p[i].started = !r;
		if (!r)
			continue;
		mirror_map_free(&p[i].c.map);
		together_fail(t, i, r, &err);
		together_ended(t, i);
	}
	for (unsigned int n = 0; n < nr; n++) {
		struct part *part = &p[together_wait(t)];
		bool part_again;
		struct err err;

		if (!part->started)
			continue;
		if (!checkpoint_collect(part->v, &part->era, &part_again, &err)) {
			writers_make_room(&part->v->shown.writers, part->era);
			unlock_part(part);
		}
		again |= part_again;
	}
	return again;
}

static int try_together(struct part *p, unsigned int nr, bool *again, struct err *err)
{
	struct together_member *member = calloc(nr, sizeof(*member));
	struct together t;
	unsigned int i;
	int r = 0;

	*again = false;
	if (!member)
		return err_set(err, -ENOMEM, "out of memory");
	for (i = 0; i < nr && !r; i++) {
		member[i].volume = p[i].v;
		r = prepare_part(&p[i], &t, i, err);
	}
	if (r) {
		while (i--)
			mirror_map_free(&p[i].c.map);
	} else {
		together_init(&t, member, nr);
		*again = run_parts(p, nr, &t);
		r = t.result;
		if (r)
			*err = t.err;
		together_free(&t);
	}
	free(member);
	return r;
}

int volume_checkpoint_together(struct volume *const *v, unsigned int nr, uint32_t *era,
			       struct err *err)
{
	const struct timespec until = thread_deadline(LOCK_MS);
	bool again = true;
	struct part *p;
	int r = 0;

	if (nr > TOGETHER_MAX)
		return err_set(err, -E2BIG, "got %u volumes, expected at most %u", nr, TOGETHER_MAX);
	p = calloc(nr, sizeof(*p));
	if (!p)
		return err_set(err, -ENOMEM, "out of memory");
	for (unsigned int i = 0; i < nr; i++) {
		p[i].v = v[i];
		p[i].place = i;
	}
	qsort(p, nr, sizeof(*p), by_name);
	for (unsigned int i = 1; i < nr && !r; i++)
		if (!by_name(&p[i - 1], &p[i]))
			r = err_set(err, -EINVAL, "got %s twice, expected each volume once", p[i].v->name);
	if (!r)
		r = check_metadata(p, nr, err);
	for (unsigned int i = 0; i < nr && !r; i++)
		r = lock_part(&p[i], &until, err);
	for (unsigned int i = 0; i < ROLL_TRIES && !r && again; i++) {
		r = try_together(p, nr, &again, err);
		if (again && r == -EAGAIN && i + 1 < ROLL_TRIES)
			r = 0;
	}
	for (unsigned int i = 0; i < nr; i++) {
		era[p[i].place] = p[i].era;
		unlock_part(&p[i]);
	}
	free(p);
	return r;
}
