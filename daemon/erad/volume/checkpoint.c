// SPDX-License-Identifier: GPL-2.0-or-later
/* The requester's part of a checkpoint: prepares the era, and waits for the volume thread. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "erad/base/thread.h"
#include "erad/volume/checkpoint.h"
#include "erad/volume/home.h"
#include "erad/volume/past.h"
#include "erad/volume/rollover.h"
#include "erad/volume/volume.h"

#define PREPARE_WAIT_MIN_MS 100
#define PREPARE_WAIT_MAX_MS 1600	/* all pauses together take 3.1 seconds */
#define WAITING_MAX	8u		/* this many requests may wait for eras of one volume */
/* How often a thread that waits for checkpoint_lock checks whether the volume ends. */
#define LOCK_LOOK_MS	1000u

/* Returns an error if no checkpoint can be requested now.  Context: v->lock. */
static int may_roll(const struct volume *v, struct err *err)
{
	const char *state;
	struct err why;

	if (v->ending || v->stop)
		return err_set(err, -ENODEV, "the volume is being closed");
	if (v->ready)
		return 0;
	state = volume_state(v, &why);
	return err_set(err, -EAGAIN, "the volume is %s%s%s; a checkpoint needs an active volume", state,
		       *why.msg ? ": " : "", why.msg);
}

/*
 * Tells the target to allocate the memory for the next era, *to.  The allocation may take long or
 * fail, so the requester's thread does this, and not the volume thread, for which writes wait.
 * Sets *nr_blocks to the number of the target's blocks.
 */
static int prepare_era_once(struct volume *v, uint32_t *to, uint64_t *nr_blocks, struct err *err)
{
	struct store_info s;
	int fd, r;

	pthread_mutex_lock(&v->lock);
	r = may_roll(v, err);
	if (r) {
		pthread_mutex_unlock(&v->lock);
		return r;
	}
	/* Use a duplicate, because the volume thread may close its own fd at any time. */
	fd = fcntl(v->fd, F_DUPFD_CLOEXEC, 0);
	r = fd < 0 ? err_set(err, -errno, "cannot reach the target: %m") : 0;
	store_info(v->store, &s);
	*to = rollover_next(v->info.era, s.era);
	*nr_blocks = v->info.nr_blocks;
	v->preparing = !r;
	pthread_mutex_unlock(&v->lock);
	if (r)
		return r;
	r = *to == 0 || *to == UINT32_MAX ? 0 : instance_prepare_era(fd, *to);
	close(fd);
	pthread_mutex_lock(&v->lock);
	v->preparing = false;
	pthread_mutex_unlock(&v->lock);
	if (r == -ENOMEM)
		return err_set(err, r, "the target gets no memory for era %u; request the checkpoint again when more memory is free",
			       *to);
	return r ? err_set(err, r, "the target cannot prepare era %u: %s", *to, strerror(-r)) : 0;
}

/* Calls prepare_era_once().  If there is no memory, tries again for some seconds. */
static int prepare_next_era(struct volume *v, uint32_t *to, uint64_t *nr_blocks, struct err *err)
{
	unsigned int ms = PREPARE_WAIT_MIN_MS;
	int r;

	while ((r = prepare_era_once(v, to, nr_blocks, err)) == -ENOMEM && ms <= PREPARE_WAIT_MAX_MS) {
		struct timespec until = thread_deadline(ms);

		pthread_mutex_lock(&v->lock);
		while (!v->ending && !v->stop &&
		       !pthread_cond_timedwait(&v->changed, &v->lock, &until))
			;
		pthread_mutex_unlock(&v->lock);
		ms *= 2;
	}
	return r;
}

int checkpoint_prepare(struct volume *v, struct checkpoint *c, struct err *err)
{
	uint64_t nr_blocks = 0;
	int r;

	c->map = (struct mirror_map){ .fd = -1 };
	r = prepare_next_era(v, &c->prepared, &nr_blocks, err);
	if (r)
		return r;
	/* Create the map in this thread, because writes wait for the volume thread. */
	shown_prepare(&v->shown, nr_blocks, &c->map);
	return 0;
}

int checkpoint_request(struct volume *v, const struct checkpoint *c, struct err *err)
{
	int r;

	pthread_mutex_lock(&v->lock);
	r = may_roll(v, err);
	if (!r) {
		v->checkpoint = *c;
		v->checkpoint.phase = CHECKPOINT_WANTED;
		volume_kick(v);
	}
	pthread_mutex_unlock(&v->lock);
	return r;
}

int checkpoint_collect(struct volume *v, uint32_t *era, bool *again, struct err *err)
{
	struct checkpoint *c = &v->checkpoint;
	struct mirror_map map;
	int r;

	pthread_mutex_lock(&v->lock);
	/*
	 * The wait ends in any case, because the volume thread ends each checkpoint before it ends
	 * itself.
	 */
	while (c->phase != CHECKPOINT_DONE)
		pthread_cond_wait(&v->changed, &v->lock);
	r = c->result;
	*err = c->err;
	*era = c->to;
	*again = c->again && (!r || r == -EAGAIN);
	map = c->map;
	c->phase = CHECKPOINT_NONE;
	pthread_mutex_unlock(&v->lock);
	mirror_map_free(&map);
	return r;
}

int checkpoint_once(struct volume *v, const struct checkpoint *how, uint32_t *era, bool *again,
		    struct err *err)
{
	struct checkpoint c = *how;
	int r;

	*again = false;
	r = checkpoint_prepare(v, &c, err);
	if (r)
		return r;
	r = checkpoint_request(v, &c, err);
	if (r) {
		mirror_map_free(&c.map);
		return r;
	}
	return checkpoint_collect(v, era, again, err);
}

int checkpoint_look(struct volume *v, struct err *err)
{
	int r = home_check_open(v, err);

	/* The gap belongs to the era that ends now: a diff since the new era is exact again. */
	return r ? r : past_look_open(v, err);
}

int checkpoint_lock_take(struct volume *v, uint64_t until, struct err *err)
{
	for (;;) {
		const uint64_t now = thread_now_ms(), left = now < until ? until - now : 0;
		const struct timespec step = thread_deadline(left < LOCK_LOOK_MS ? left : LOCK_LOOK_MS);
		bool ends;

		if (!pthread_mutex_clocklock(&v->checkpoint_lock, CLOCK_MONOTONIC, &step))
			return 0;
		pthread_mutex_lock(&v->lock);
		ends = v->ending || v->stop;
		pthread_mutex_unlock(&v->lock);
		if (ends)
			return err_set(err, -ENODEV, "the volume is being closed");
		if (thread_now_ms() >= until)
			return err_set(err, -EBUSY, "another checkpoint or snapshot has not ended in time; run 'eractl status %s' to see whether writes hang",
				       v->name);
	}
}

int volume_roll(struct volume *v, const struct checkpoint *how, uint32_t *era, struct err *err)
{
	bool again = true;
	int r;

	r = checkpoint_lock_take(v, UINT64_MAX, err);
	if (r)
		return r;
	r = checkpoint_look(v, err);
	if (r) {
		pthread_mutex_unlock(&v->checkpoint_lock);
		return r;
	}
	for (unsigned int i = 0; i < ROLL_TRIES && again; i++)
		r = checkpoint_once(v, how, era, &again, err);
	if (again)
		r = err_set(err, -EAGAIN, "the target has begun other eras meanwhile; request the checkpoint again");
	if (!r)
		writers_make_room(&v->shown.writers, *era);
	pthread_mutex_unlock(&v->checkpoint_lock);
	return r;
}

int volume_may_wait(struct volume *v, struct err *err)
{
	if (atomic_fetch_add(&v->waiting, 1) < WAITING_MAX)
		return 0;
	volume_has_waited(v);
	return err_set(err, -EBUSY, "%u checkpoints or snapshots are under way or wait already; run 'eractl status' to see whether writes hang",
		       WAITING_MAX);
}

void volume_has_waited(struct volume *v)
{
	atomic_fetch_sub(&v->waiting, 1);
}

int volume_checkpoint(struct volume *v, uint32_t *era, struct err *err)
{
	int r = volume_may_wait(v, err);

	if (r)
		return r;
	r = volume_roll(v, &(struct checkpoint){ }, era, err);
	volume_has_waited(v);
	return r;
}
