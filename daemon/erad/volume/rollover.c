// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The volume thread's part of a checkpoint: see rollover.h.  The thread takes one step at a time,
 * between batches, so that it still serves writes.  First the new era becomes durable, then the
 * target begins the era.  When the last write of the old era has completed, the requester receives
 * its answer.
 *
 * In a checkpoint of several volumes, the thread waits at two points until the threads of the other
 * volumes have come to the same point: before it makes the era durable, and after its target has
 * begun the era.  Between the two points, it serves no writes.  together.h explains the reasons.
 */
#include <errno.h>
#include <string.h>

#include "common/failpoint.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/volume/link.h"
#include "erad/volume/rollover.h"
#include "erad/volume/together.h"
#include "erad/volume/volume.h"

/* How often to check whether the drain has ended, in case the target does not report the end. */
#define DRAIN_LOOK_MS	1000

static void finish_checkpoint(struct volume *v, int result, const struct err *err)
{
	struct checkpoint *c = &v->checkpoint;
	struct together *t = c->together;
	const unsigned int member = c->member;

	v->roll_at = UINT64_MAX;
	v->holds = false;
	if (t && result)
		together_fail(t, member, result, err);
	pthread_mutex_lock(&v->lock);
	c->result = result;
	if (err)
		c->err = *err;
	c->phase = CHECKPOINT_DONE;
	pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(&v->lock);
	/* After this call, the requester may free t. */
	if (t)
		together_ended(t, member);
}

static enum checkpoint_phase get_phase(struct volume *v)
{
	enum checkpoint_phase p;

	pthread_mutex_lock(&v->lock);
	p = v->checkpoint.phase;
	pthread_mutex_unlock(&v->lock);
	return p;
}

static void set_phase(struct volume *v, enum checkpoint_phase p)
{
	pthread_mutex_lock(&v->lock);
	v->checkpoint.phase = p;
	pthread_mutex_unlock(&v->lock);
}

bool rollover_wanted(struct volume *v)
{
	const enum checkpoint_phase p = get_phase(v);

	return p != CHECKPOINT_NONE && p != CHECKPOINT_DONE;
}

void rollover_fail(struct volume *v, int code, const char *why)
{
	struct err err;

	if (!rollover_wanted(v))
		return;
	finish_checkpoint(v, err_set(&err, code, "%s; request the checkpoint again", why), &err);
}

/*
 * Returns 0 if the target can begin an era now, and sets c->from and c->to.  EINPROGRESS, without a
 * message: an earlier drain must end first.
 */
static int may_begin(struct volume *v, struct err *err)
{
	struct checkpoint *c = &v->checkpoint;
	struct store_info s;
	int r;

	if (v->mark_trouble.since_ms)
		return err_set(err, -EIO, "the metadata does not work: %s",
			       v->mark_trouble.err.msg);
	r = link_refresh(v);
	if (r)
		return err_set(err, r, "cannot read the state of the target: %s", strerror(-r));
	if (v->info.state != ERAD_ACTIVE)
		return err_set(err, -EAGAIN, "the target is not active");
	if (!(v->info.status & ERAD_RESUMED))
		return err_set(err, -EBUSY, "the device is suspended; resume it first");
	if (v->info.status & ERAD_DRAINING)
		return -EINPROGRESS;

	store_info(v->store, &s);
	c->from = v->info.era;
	c->to = rollover_next(c->from, s.era);
	/*
	 * A snapshot begins with an era in the metadata.  If the metadata has already begun an era
	 * without the snapshot, the target first moves to this era, and after that the caller
	 * requests the snapshot once more.
	 */
	c->again = c->snapshot && c->to == s.era;
	if (s.era == UINT32_MAX || c->to == UINT32_MAX)
		return err_set(err, -EOVERFLOW,
			       "era %u is the last possible era; create the volume anew", s.era);
	/*
	 * A checkpoint of several volumes needs an era that the metadata has not begun: see
	 * together.h.
	 */
	if (c->to != c->prepared || (c->together && c->to == s.era)) {
		c->again = true;
		return err_set(err, -EAGAIN, "the target has begun another era meanwhile");
	}
	return 0;
}

/* Makes the era c->to durable. */
static int begin_era(struct volume *v, struct err *err)
{
	struct checkpoint *c = &v->checkpoint;
	struct store_info s;
	int r;

	failpoint(FAILPOINT_ROLL_PREPARED);
	store_info(v->store, &s);
	if (c->to == s.era)
		return 0;
	/* The watchdog checks how long this write takes, too. */
	atomic_store(&v->busy_since, thread_now_ms());
	r = c->snapshot ? store_begin_snapshot(v->store, c->to, c->lasts, err) :
		store_checkpoint(v->store, c->to, err);
	atomic_store(&v->busy_since, 0);
	return r;
}

/*
 * Says that this volume has come to the end of the stage, and returns whether all volumes of the
 * checkpoint have.  After false, either the checkpoint has ended with an error, or v->roll_at is the
 * time of the next look.
 */
static bool others_are_there(struct volume *v, enum together_stage stage)
{
	struct checkpoint *c = &v->checkpoint;
	const enum together_stage now = together_arrive(c->together, c->member, stage, &v->roll_at);

	if (now == TOGETHER_FAILED)
		finish_checkpoint(v, -ECANCELED, NULL);
	else if (now != stage)
		v->roll_at = UINT64_MAX;
	return now != stage && now != TOGETHER_FAILED;
}

/* Returns 0, or an error after which the checkpoint has ended. */
static int try_to_begin(struct volume *v)
{
	struct checkpoint *c = &v->checkpoint;
	struct err err;
	int r;

	r = may_begin(v, &err);
	if (r == -EINPROGRESS) {
		v->roll_at = thread_now_ms() + DRAIN_LOOK_MS;
		return r;
	}
	if (!r && c->together) {
		if (!others_are_there(v, TOGETHER_GATHER))
			return -EINPROGRESS;
		v->holds = true;
	}
	if (!r)
		r = begin_era(v, &err);
	if (r) {
		finish_checkpoint(v, r, &err);
		return r;
	}
	set_phase(v, CHECKPOINT_FLIP);
	failpoint(FAILPOINT_ROLL_DURABLE);
	return 0;
}

/*
 * Goes on with a checkpoint of several volumes, when all of them have flipped.  Before this moment,
 * no write of the new era may have completed.  This is true if the target was active and resumed
 * all the time, because this thread has committed nothing, and the target has held these writes.
 * Returns the result of NEW_ERA, or an error if the target is not resumed or was replaced.
 */
static int release_together(struct volume *v)
{
	struct checkpoint *c = &v->checkpoint;
	int r;

	v->holds = false;
	r = link_refresh(v);
	if (!r && !(v->info.status & ERAD_RESUMED))
		r = -EAGAIN;
	if (r)
		return r;
	return instance_new_era(v->fd, c->from, c->to, 0);
}

static bool has_flipped(int new_era)
{
	return !new_era || new_era == -ETIMEDOUT || new_era == -EINTR;
}

void rollover_step(struct volume *v)
{
	struct checkpoint *c = &v->checkpoint;
	enum checkpoint_phase p = get_phase(v);
	struct err err;
	int r;

	v->roll_at = UINT64_MAX;
	if (p == CHECKPOINT_NONE || p == CHECKPOINT_DONE)
		return;
	if (c->together && p < CHECKPOINT_HELD && together_look(c->together) == TOGETHER_FAILED) {
		finish_checkpoint(v, -ECANCELED, NULL);
		return;
	}
	if (p == CHECKPOINT_WANTED && try_to_begin(v))
		return;

	r = instance_new_era(v->fd, c->from, c->to, 0);
	/*
	 * The target has begun the era, even if the drain has not ended.  Call shown_next() now,
	 * because it must come before the first commit of the era.
	 */
	if (p < CHECKPOINT_HELD && has_flipped(r)) {
		const struct mirror_era now = {
			.era = c->to, .state = v->info.state, .dev = v->dev, .store = v->store,
		};

		shown_next(&v->shown, &now, &c->map);
		if (c->together) {
			p = CHECKPOINT_HELD;
			set_phase(v, p);
			failpoint(FAILPOINT_TOGETHER_HELD);
		}
	}
	if (p == CHECKPOINT_HELD && has_flipped(r)) {
		if (!others_are_there(v, TOGETHER_FLIP))
			return;
		r = release_together(v);
	}
	switch (r) {
	case 0:
		failpoint(FAILPOINT_ROLL_DRAINED);
		link_refresh(v);
		volume_usage(v);
		log_debug("volume %s: era %u", v->name, c->to);
		finish_checkpoint(v, 0, NULL);
		break;
	case -ETIMEDOUT:
	case -EINTR:
		failpoint(FAILPOINT_ROLL_DRAINING);
		set_phase(v, CHECKPOINT_DRAIN);
		v->roll_at = thread_now_ms() + DRAIN_LOOK_MS;
		break;
	case -EBUSY:
		v->roll_at = thread_now_ms() + DRAIN_LOOK_MS;
		break;
	default:
		if (p == CHECKPOINT_HELD)
			err_set(&err, r, "its target was suspended, replaced or aborted before all volumes had begun their eras (%s)",
				strerror(-r));
		else
			err_set(&err, r, "the target cannot begin era %u after %u: %s", c->to, c->from, strerror(-r));
		finish_checkpoint(v, r, &err);
	}
}
