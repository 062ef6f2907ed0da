// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The volume thread.  While it serves a batch it stands in the block I/O path
 * of its volume.  It says something only when trouble begins or ends, to a ring in
 * memory.
 *
 * Nothing between a fetch and its COMMIT calls the heap, as the memory that the heap waits for may be pages whose
 * writes are held.  The store has a pool for marks, which the fold thread fills (store/pool.h); the mirror,
 * the messages and the ranges have buffers in struct volume.  What these calls need in the kernel is
 * allocated with GFP_NOIO, because erad is an I/O flusher: it never waits for a write.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/failpoint.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/volume/adopt.h"
#include "erad/volume/attach.h"
#include "erad/volume/commit.h"
#include "erad/volume/degraded.h"
#include "erad/volume/fold.h"
#include "erad/volume/home.h"
#include "erad/volume/link.h"
#include "erad/volume/message.h"
#include "erad/volume/origin.h"
#include "erad/volume/registry.h"
#include "erad/volume/rollover.h"
#include "erad/volume/volume.h"

/*
 * Batches of writes that are served before the thread looks at everything else.  Where several
 * writers overlap there is always a next batch, so without a limit a checkpoint would wait for the end of the load.
 *
 * A batch costs one append to the metadata and one flush, here "a commit".  Whatever the load, from the moment of
 * the request:
 *
 *	stop		2 commits: the batch under way, and the one that its COMMIT fetched at the same moment
 *	checkpoint	these 2, the new era (1), the drain, and 2 more until its end is seen: 5 commits and the drain
 *	message		BATCHES_PER_TURN + 1 commits until it is seen, and then as a checkpoint
 *
 * A commit that finds the journal full waits for a fold as well.  One that finds too little memory in the store's
 * pool is several appends and flushes, with a fold before each but the first.
 */
#define BATCHES_PER_TURN	4u

/* When writes are to be failed that wait for metadata that does not work; UINT64_MAX: never. */
static uint64_t patience(struct volume *v)
{
	if (!(v->info.status & ERAD_POLICY_FAIL) || !v->mark_trouble.since_ms)
		return UINT64_MAX;
	return v->mark_trouble.since_ms + v->info.detach_timeout * 1000ull;
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int mark_batch(struct volume *v)
{
	struct err err;
	int r;

	r = store_mark(v->store, v->range, v->nr, &err);
	if (!r) {
		if (v->mark_trouble.since_ms)
			trouble_over(&v->mark_trouble, "the metadata");
		if (store_wants_fold(v->store) || store_pool_low(v->store))
			fold_ask(v);
		return 0;
	}
	v->retry_at = thread_now_ms() +
		trouble_says(&v->mark_trouble, "new writes wait", &err);
	return r;
}

/*
 * Serves held writes until there are none, the turn is over, or something else wants attention.
 *
 * The order that everything rests on is here and nowhere else:
 *
 *	1. the blocks of the batch are durable in the metadata;
 *	2. the mirror, which others read, has them;
 *	3. COMMIT releases its writes.
 *
 * 0, or a negative errno: EIO the instance is FAILED, ENODEV it is gone,
 * EAGAIN try the batch again at v->retry_at.
 */
static int commit_batches(struct volume *v)
{
	/* While a checkpoint waits for its drain, the end of the drain is looked for after each batch. */
	unsigned int left = v->roll_at == UINT64_MAX ? BATCHES_PER_TURN : 1;

	for (;;) {
		struct erad_xfer x = {
			.buf = (uintptr_t)v->range,
			.max = left && !atomic_load(&v->attention) ? ERAD_MAX_RANGES : 0,
		};
		int r;

		if (!v->mark_trouble.since_ms)
			atomic_store(&v->busy_since, thread_now_ms());
		if (v->batch) {
			r = mark_batch(v);
			if (r && thread_now_ms() < patience(v)) {
				v->retry_at = earliest(v->retry_at, patience(v));
				return -EAGAIN;
			}
			if (!r) {
				failpoint(FAILPOINT_COMMIT_DURABLE);
				mirror_add(&v->shown.mirror, v->range, v->nr);
				failpoint(FAILPOINT_COMMIT_MIRRORED);
			}
			x.commit_batch = v->batch;
			if (r) {
				x.commit_status = EIO;
				x.max = 0;
			}
		} else if (!x.max) {
			return 0;
		}

		left -= !!x.max;
		r = instance_commit_fetch(v->fd, &x);
		if (r == -ESTALE) {
			/* Its writes are held again, and will be fetched again. */
			v->batch = 0;
			continue;
		}
		if (r)
			return r;
		if (x.commit_status) {
			v->batch = 0;
			return -EIO;
		}
		v->batch = x.batch;
		if (!x.batch)
			return 0;
		v->nr = x.nr;
		failpoint(FAILPOINT_COMMIT_FETCHED);
	}
}

/*
 * The instance is FAILED.  When the metadata is known not to work, nothing is
 * gained by attaching anew before it does; the ranges that could not be
 * recorded are as good as any to find out.
 */
static void recover_failed(struct volume *v)
{
	if (!v->failed) {
		v->failed = true;
		log_error("volume %s: held writes were failed%s", v->name,
			  v->mark_trouble.since_ms ? "; new ones fail until the metadata works" :
			  " on request");
		link_refresh(v);
		rollover_fail(v, -EIO, "held writes were failed");
	}
	if (v->mark_trouble.since_ms) {
		if (thread_now_ms() < v->retry_at || mark_batch(v))
			return;
	}
	attach_let_go(v);
	v->look_at = 0;
}

static void serve_batches(struct volume *v)
{
	int r;

	v->retry_at = UINT64_MAX;
	r = commit_batches(v);
	atomic_store(&v->busy_since, 0);
	switch (r) {
	case 0:
	case -EAGAIN:
		break;
	case -EIO:
		recover_failed(v);
		break;
	default:
		/* ENOTCONN: somebody has made it let all writes pass. */
		if (r != -ENODEV && r != -ENOTCONN)
			log_error("volume %s: the target does not commit: %s", v->name,
				  strerror(-r));
		attach_let_go(v);
		v->look_at = thread_now_ms() + (r == -ENODEV || r == -ENOTCONN ? 0 : 1000);
	}
}

/* Waits for something to do; true if writes are held. */
static bool wait_for_work(struct volume *v)
{
	uint64_t until = earliest(earliest(v->look_at, v->degraded_at),
				  earliest(v->retry_at, v->roll_at));
	struct pollfd p[2] = {
		{ .fd = v->event_fd, .events = POLLIN },
		{ .fd = v->fd, .events = POLLPRI | (v->batch || v->failed ? 0 : POLLIN) },
	};
	uint64_t now = thread_now_ms(), count;
	int timeout = -1;

	if (until != UINT64_MAX)
		timeout = until > now ? (int)(until - now) : 0;
	if (poll(p, 2, timeout) <= 0)
		return false;
	if ((p[0].revents & POLLIN) && read(v->event_fd, &count, sizeof(count)) < 0)
		return false;
	if (p[1].revents & (POLLHUP | POLLERR | POLLNVAL)) {
		attach_let_go(v);
		v->look_at = 0;
		return false;
	}
	if (p[1].revents & POLLPRI) {
		message_look(v);
		if (link_refresh(v))
			v->look_at = 0;
		/* A drain may have ended. */
		v->roll_at = 0;
		if (v->degraded_at != UINT64_MAX)
			v->degraded_at = 0;
		if (v->info.state == ERAD_DEGRADED) {
			attach_let_go(v);
			v->look_at = 0;
			return false;
		}
		if (v->info.state == ERAD_FAILED && !v->failed)
			recover_failed(v);
	}
	return p[1].revents & POLLIN;
}

static bool told_to_stop(struct volume *v)
{
	bool stop;

	pthread_mutex_lock(&v->lock);
	stop = v->stop;
	pthread_mutex_unlock(&v->lock);
	return stop;
}

static int close_working_store(struct volume *v, struct store *s, bool gone, struct err *err)
{
	if (!gone)
		return store_close(s, false, err);
	if (away_lives_on(v))
		return away_close(v, s, err);
	/* If no write was let through, the seal of the last close still has to be compared. */
	return v->begun ? origin_close_sealed(v, s, err) : store_close(s, true, err);
}

/* 0, or why the metadata is not closed cleanly though its target is gone. */
static int close_store(struct volume *v, struct store *s, bool gone, struct err *err)
{
	struct err why = { "" };
	int lost, r;

	if (!v->mark_trouble.since_ms) {
		/* Also if erad goes and the target lives on: a deleted file ends with the process. */
		lost = home_check(v, s, &why);
		r = close_working_store(v, s, gone, err);
		if (!lost)
			return r;
		*err = why;
		return lost;
	}
	if (!gone)
		return store_close(s, false, err);
	/* Metadata that cannot be written is not tried again; the next open replays the journal. */
	*err = v->mark_trouble.err;
	store_close(s, false, NULL);
	return -EIO;
}

/* The target is gone, or erad goes: in the second case the metadata stays as it is, for speed. */
static void end_volume(struct volume *v, bool gone)
{
	struct err err = { "" };
	struct store *s;
	int code = 0;

	attach_let_go(v);
	thread_usual();
	message_stop(v);
	fold_stop(v);
	s = volume_store_take(v);

	shown_end(&v->shown, gone);
	if (s)
		code = close_store(v, s, gone, &err);
	if (code)
		log_warn("volume %s: closed, but not cleanly: %s", v->name, err.msg);
	else if (gone)
		log_info("volume %s: closed", v->name);

	volumes_remove(v);
	pthread_mutex_lock(&v->lock);
	v->close_code = code;
	v->close_err = err;
	v->ended = true;
	pthread_cond_broadcast(&v->changed);
	pthread_mutex_unlock(&v->lock);
	volumes_settled_one();
	/* While this volume was closing, somebody may have made a target with its name or its metadata. */
	if (gone)
		adopt_wake();
}

static void *volume_thread(void *arg)
{
	struct volume *v = arg;
	bool gone = false;
	bool held = true;

	thread_name("erad-commit");
	thread_first();
	while (!told_to_stop(v)) {
		/* Before the look, so that a kick meanwhile is not lost. */
		bool kicked = atomic_exchange(&v->attention, false);
		uint64_t now = thread_now_ms();

		/* What attach_look() attaches to then is the same target. */
		if (kicked && degraded_unseen(v))
			attach_let_go(v);
		if (kicked || now >= v->look_at) {
			gone = !attach_look(v);
			if (gone)
				break;
			held = true;
		}
		/* Ahead of the next turn, which may be long. */
		if (kicked)
			message_look(v);
		if (v->fd >= 0 && (kicked || now >= v->roll_at))
			rollover_step(v);
		if (v->fd >= 0 && now >= v->degraded_at)
			degraded_step(v);
		if (v->fd >= 0 && v->failed)
			recover_failed(v);
		else if (v->fd >= 0 && (v->batch ? now >= v->retry_at : held))
			serve_batches(v);
		held = wait_for_work(v);
	}
	end_volume(v, gone);
	volume_unref(v);
	return NULL;
}

int volume_start(struct volume *v, bool expected, struct err *err)
{
	struct store *s;
	int r;

	v->expected = expected;
	v->look_at = 0;
	r = thread_start_detached(volume_thread, volume_ref(v));
	if (!r)
		return 0;
	/* The volume is in the registry, so other threads may be reading its store: the close waits for them. */
	s = volume_store_take(v);
	if (s)
		store_close(s, false, NULL);
	volume_unref(v);
	return err_set(err, r, "cannot start a thread: %s", strerror(-r));
}
