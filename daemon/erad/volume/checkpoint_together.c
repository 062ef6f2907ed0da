// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The requester's part of a checkpoint of several volumes: locks and prepares them, starts their
 * threads, and waits for all of them.  together.h describes the design.
 *
 * The checkpoint_locks are taken in the order of the volumes' names, so two requests for
 * overlapping sets cannot wait for each other.
 *
 * While this thread holds the lock of a volume, no other thread can run a checkpoint or take a
 * snapshot of the volume.  Therefore a volume that hangs must not keep the locks of the other
 * volumes locked.  Each step that may wait for I/O of one volume without a limit comes before the
 * first lock, and each lock is released as soon as the part of its volume has ended.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "erad/base/thread.h"
#include "erad/device/stack.h"
#include "erad/volume/checkpoint.h"
#include "erad/volume/peek.h"
#include "erad/volume/rollover.h"
#include "erad/volume/together.h"
#include "erad/volume/volume.h"

/* How long to wait for other checkpoints of the volumes, in each try. */
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
 * Refuses the checkpoint if the metadata of one of the volumes lies on another one of them.  The
 * new era of the first volume is written while writes to the second volume are held, so both would
 * wait until the limit of together.c.
 */
static int check_metadata(const struct part *p, unsigned int nr, struct err *err)
{
	for (unsigned int i = 0; i < nr; i++) {
		struct stack below = { 0 };
		/* stack_add_file() would wait without a limit for metadata that hang. */
		int r = peek_ask(p[i].v->metadata, PEEK_DEVICE, PEEK_OPEN_MS, NULL, err);

		if (!r)
			r = stack_add_file(&below, p[i].v->metadata, err);
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

/* Ends the wait for the lock when thread_now_ms() is `until`. */
static int lock_part(struct part *p, uint64_t until, struct err *err)
{
	int r = volume_may_wait(p->v, err);

	p->may_wait = !r;
	if (!r)
		r = checkpoint_lock_take(p->v, until, err);
	p->locked = p->may_wait && !r;
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

/* Looks at the volume, as each checkpoint does.  May wait for I/O. */
static int look_at_part(struct part *p, struct err *err)
{
	int r = volume_may_wait(p->v, err);

	if (!r) {
		r = checkpoint_look(p->v, err);
		volume_has_waited(p->v);
	}
	return r ? err_prefix(err, r, "volume %s", p->v->name) : 0;
}

/* If the metadata has already begun an era, moves the target to this era. */
static int catch_up(struct volume *v, bool *again, struct err *err)
{
	struct store *s = volume_store_get(v);
	struct store_info info;
	uint32_t era;

	if (!s)
		return volume_store_missing(err);
	store_info(s, &info);
	volume_store_put(v);
	pthread_mutex_lock(&v->lock);
	era = v->info.era;
	pthread_mutex_unlock(&v->lock);
	return info.era > era ? checkpoint_once(v, &(struct checkpoint){ }, &era, again, err) : 0;
}

/*
 * Calls catch_up().  Context: no lock of another volume, because catch_up() waits for a drain.  If
 * the metadata begins another era before all locks are taken, rollover.c notices this era, and the
 * checkpoint must be tried again.
 */
static int catch_up_part(struct part *p, bool *again, struct err *err)
{
	int r = lock_part(p, thread_now_ms() + LOCK_MS, err);

	if (r)
		return r;
	r = catch_up(p->v, again, err);
	unlock_part(p);
	return r ? err_prefix(err, r, "volume %s", p->v->name) : 0;
}

static int prepare_part(struct part *p, struct together *t, unsigned int me, struct err *err)
{
	int r;

	p->c = (struct checkpoint){ .together = t, .member = me, .map.fd = -1 };
	r = checkpoint_prepare(p->v, &p->c, err);
	return r ? err_prefix(err, r, "volume %s", p->v->name) : 0;
}

/*
 * Starts all volumes, and waits until all have ended.  Unlocks each volume when it has ended,
 * because the drain of another volume may take longer, or the metadata of another volume may hang.
 * Returns whether to try once more.
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

		if (part->started) {
			if (!checkpoint_collect(part->v, &part->era, &part_again, &err))
				writers_make_room(&part->v->shown.writers, part->era);
			again |= part_again;
		}
		unlock_part(part);
	}
	return again;
}

static int begin_together(struct part *p, unsigned int nr, bool *again, struct err *err)
{
	struct together_member *member = calloc(nr, sizeof(*member));
	struct together t;
	unsigned int i;
	int r = 0;

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

/* *again: try once more.  On return, no volume is locked. */
static int try_together(struct part *p, unsigned int nr, bool *again, struct err *err)
{
	uint64_t until;
	int r = 0;

	*again = false;
	for (unsigned int i = 0; i < nr && !r; i++)
		r = catch_up_part(&p[i], again, err);
	until = thread_now_ms() + LOCK_MS;
	for (unsigned int i = 0; i < nr && !r; i++)
		r = lock_part(&p[i], until, err);
	if (!r)
		r = begin_together(p, nr, again, err);
	for (unsigned int i = 0; i < nr; i++)
		unlock_part(&p[i]);
	return r;
}

int volume_checkpoint_together(struct volume *const *v, unsigned int nr, uint32_t *era,
			       struct err *err)
{
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
	/*
	 * Look before check_metadata(), which needs the metadata file: if the file was deleted, the
	 * look writes a new one.
	 */
	for (unsigned int i = 0; i < nr && !r; i++)
		r = look_at_part(&p[i], err);
	if (!r)
		r = check_metadata(p, nr, err);
	for (unsigned int i = 0; i < ROLL_TRIES && !r && again; i++) {
		r = try_together(p, nr, &again, err);
		if (again && r == -EAGAIN && i + 1 < ROLL_TRIES)
			r = 0;
	}
	for (unsigned int i = 0; i < nr; i++)
		era[p[i].place] = p[i].era;
	free(p);
	return r;
}
