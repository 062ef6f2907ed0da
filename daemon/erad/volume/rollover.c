// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The volume thread's part of a checkpoint: see rollover.h.  The thread takes one step at a time,
 * between batches, so that it still serves writes.  First the new era becomes durable, then the
 * target begins the era.  When the last write of the old era has completed, the requester gets its
 * answer.
 */
#include <errno.h>
#include <string.h>

#include "common/failpoint.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/volume/link.h"
#include "erad/volume/rollover.h"
#include "erad/volume/volume.h"

/* How often to check whether the drain has ended, in case the target does not report the end. */
#define DRAIN_LOOK_MS	1000

static void finish_checkpoint(struct volume *v, int result, const struct err *err)
{
	struct checkpoint *c = &v->checkpoint;

	v->roll_at = UINT64_MAX;
	pthread_mutex_lock(&v->lock);
	c->result = result;
	if (err)
		c->err = *err;
	c->phase = CHECKPOINT_DONE;
	pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(&v->lock);
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

/* Makes the new era durable.  EINPROGRESS, without a message: an earlier drain must end first. */
static int begin_checkpoint(struct volume *v, struct err *err)
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
	if (c->to != c->prepared) {
		c->again = true;
		return err_set(err, -EAGAIN, "the target has begun another era meanwhile");
	}
	failpoint(FAILPOINT_ROLL_PREPARED);
	if (c->to == s.era)
		return 0;
	/* The watchdog checks how long this write takes, too. */
	atomic_store(&v->busy_since, thread_now_ms());
	r = c->snapshot ? store_begin_snapshot(v->store, c->to, c->lasts, err) :
		store_checkpoint(v->store, c->to, err);
	atomic_store(&v->busy_since, 0);
	return r;
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
	if (p == CHECKPOINT_WANTED) {
		r = begin_checkpoint(v, &err);
		if (r == -EINPROGRESS) {
			v->roll_at = thread_now_ms() + DRAIN_LOOK_MS;
			return;
		}
		if (r) {
			finish_checkpoint(v, r, &err);
			return;
		}
		set_phase(v, CHECKPOINT_FLIP);
		failpoint(FAILPOINT_ROLL_DURABLE);
	}

	r = instance_new_era(v->fd, c->from, c->to, 0);
	/*
	 * The target has begun the era, even if the drain has not ended.  Call shown_next() now,
	 * because it must come before the first commit of the era.
	 */
	if (p != CHECKPOINT_DRAIN && (!r || r == -ETIMEDOUT || r == -EINTR)) {
		const struct mirror_era now = {
			.era = c->to, .state = v->info.state, .dev = v->dev, .store = v->store,
		};

		shown_next(&v->shown, &now, &c->map);
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
		finish_checkpoint(v, err_set(&err, r, "the target cannot begin era %u after %u: %s", c->to,
					     c->from, strerror(-r)), &err);
	}
}
