// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The volume thread.  While it serves a batch, it is in the block I/O path of its volume.  It logs
 * a message only when a trouble begins or ends, and log.h keeps the message in memory.
 *
 * While the target is active, the thread does not use the heap.  An allocation could wait for the
 * kernel to write pages to this volume, and the volume holds these writes.  Marks take their memory
 * from the store's pool, which the fold thread fills (store/pool.h).  The mirror, the messages and
 * the ranges have buffers in struct volume.  erad is an I/O flusher.  Therefore, the kernel
 * allocates with GFP_NOIO in the system calls of this thread: no such allocation starts a write and
 * waits for its end.  If no memory is free at all, the allocation waits until the kernel finds
 * memory that needs no write, for example a clean page of a file.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/failpoint.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/volume/attach.h"
#include "erad/volume/commit.h"
#include "erad/volume/degraded.h"
#include "erad/volume/fold.h"
#include "erad/volume/home.h"
#include "erad/volume/link.h"
#include "erad/volume/message.h"
#include "erad/volume/origin.h"
#include "erad/volume/origin_seal.h"
#include "erad/volume/registry.h"
#include "erad/volume/rollover.h"
#include "erad/volume/volume.h"

/*
 * How many batches the thread serves before it looks at other work.  If several writers overlap,
 * there is always a next batch.  Without a limit, a checkpoint would wait for the end of the load.
 *
 * A batch costs one durable append to the metadata, here called a commit.  Under any load, these
 * events happen at the latest after the following time, counted from their request:
 *
 * stop		2 commits: the current batch, and the batch that its COMMIT has fetched
 * checkpoint	5 commits and the drain: 2 as above, 1 for the new era, and 2 until the thread
 *		notices the end of the drain
 * together	as a checkpoint, for each of the volumes; meanwhile their writes may be held without
 *		a commit, but not longer than the limit in together.c
 * message	BATCHES_PER_TURN + 1 commits until the thread notices the message, then as a
 *		checkpoint
 *
 * A commit that finds the journal full also waits for a fold.  If the store's pool has too little
 * memory for a commit, the commit becomes several appends, with a fold before each append except
 * the first.
 */
#define BATCHES_PER_TURN	4u

/*
 * Returns when the held writes must fail if the metadata still does not work.  UINT64_MAX: never.
 */
static uint64_t held_must_fail_at(struct volume *v)
{
	if (!(v->info.status & ERAD_POLICY_FAIL) || !v->mark_trouble.since_ms)
		return UINT64_MAX;
	return v->mark_trouble.since_ms + v->info.detach_timeout * 1000ull;
}

static uint64_t earlier_of(uint64_t a, uint64_t b)
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
 * Serves held writes until there are none, the turn is over, or something else needs attention.
 *
 * This function alone keeps the order that makes recorded writes durable:
 *
 *	1. the blocks of the batch are durable in the metadata;
 *	2. the mirror, which other programs read, contains the blocks;
 *	3. COMMIT releases the batch's writes.
 *
 * Returns 0 or a negative errno.  EIO: the instance is FAILED.  ENODEV: the instance is gone.
 * EAGAIN: try the batch again at v->retry_at.
 */
static int commit_batches(struct volume *v)
{
	/*
	 * While a checkpoint drains, fetch only one batch, so that the thread soon notices the end
	 * of the drain.
	 */
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
			if (r && thread_now_ms() < held_must_fail_at(v)) {
				v->retry_at = earlier_of(v->retry_at, held_must_fail_at(v));
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
			/*
			 * The batch is void.  The target holds its writes again, and a later fetch
			 * returns their blocks again.
			 */
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
 * Handles an instance that is FAILED.  As long as the metadata does not work, attaching again is
 * useless.  So the thread first tries to record the ranges whose recording has failed.  If this
 * succeeds, the metadata works, and the thread attaches again.
 */
static void recover_failed(struct volume *v)
{
	if (!v->failed) {
		v->failed = true;
		log_error("volume %s: held writes got an I/O error%s", v->name,
			  v->mark_trouble.since_ms ? "; new writes get an I/O error until the metadata works" :
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
		/*
		 * ENOTCONN: the target lets all writes pass, for example after `eractl abort
		 * --degrade`.
		 */
		if (r != -ENODEV && r != -ENOTCONN)
			log_error("volume %s: the target cannot commit the recorded blocks: %s", v->name,
				  strerror(-r));
		attach_let_go(v);
		v->look_at = thread_now_ms() + (r == -ENODEV || r == -ENOTCONN ? 0 : 1000);
	}
}

/* Waits for work.  Returns true if writes are held. */
static bool wait_for_work(struct volume *v)
{
	uint64_t until = earlier_of(earlier_of(v->look_at, v->degraded_at),
				    earlier_of(v->retry_at, v->roll_at));
	struct pollfd p[2] = {
		{ .fd = v->event_fd, .events = POLLIN },
		{ .fd = v->fd, .events = POLLPRI | (v->batch || v->failed || v->holds ? 0 : POLLIN) },
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
		/* The target may have ended a drain, so check at once. */
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
	if (table_note_lives_on(v))
		return table_note_close_out(v, s, err);
	/*
	 * If no write was let through, the origin has not been compared with the seal yet, so keep
	 * the seal of the last close.
	 */
	return v->begun ? origin_close_sealed(v, s, err) : store_close(s, true, err);
}

/*
 * Closes the metadata.  Returns an error if the metadata file is no longer at its path, if the
 * store cannot be closed, or if the target is gone and the metadata was not closed cleanly.
 */
static int close_with_home(struct volume *v, struct store *s, bool gone, struct err *err)
{
	struct err why = { "" };
	int lost, r;

	if (!v->mark_trouble.since_ms) {
		/*
		 * Check the file even if the target still exists and only erad ends: if the file
		 * was deleted, its content is lost when this process ends.
		 */
		lost = home_check(v, s, &why);
		r = close_working_store(v, s, gone, err);
		if (!lost)
			return r;
		*err = why;
		return lost;
	}
	if (!gone)
		return store_close(s, false, err);
	/* The metadata does not work, so do not write to it.  The next open replays the journal. */
	*err = v->mark_trouble.err;
	store_close(s, false, NULL);
	return -EIO;
}

/*
 * Closes the store of a volume whose note GONE could not be written in several attempts, without
 * marking the metadata clean.  If the metadata file is no longer at its path, sets err to this
 * cause.
 */
static void close_without_note(struct volume *v, struct store *s, struct err *err)
{
	struct err why = { "" };

	if (home_check(v, s, &why))
		*err = why;
	store_close(s, false, NULL);
}

/*
 * Ends the volume because its target is gone, or because erad ends.  If only erad ends, does not
 * fold the metadata, to save time.
 */
static void end_volume(struct volume *v, bool gone)
{
	struct err err = { "" };
	struct store *s;
	int code = 0;

	/* Ends the waits in checkpoint_lock_take(), also of the threads that are joined below. */
	pthread_mutex_lock(&v->lock);
	v->ending = true;
	pthread_mutex_unlock(&v->lock);
	attach_let_go(v);
	thread_usual();
	/*
	 * First make the note GONE durable: from now on, somebody may write to the origin, and the
	 * next steps may take long.  Try even if the last write to the metadata has failed, because
	 * the metadata may work again.
	 */
	if (gone)
		code = table_note_end(v, &err);
	failpoint(FAILPOINT_CLOSE_ENDED);
	message_stop(v);
	fold_stop(v);
	s = volume_store_take(v);

	shown_end(&v->shown, gone);
	if (s && code < 0)
		code = table_note_end_again(v, s, &err);
	if (code > 0) {
		trouble_over(&v->mark_trouble, "the metadata");
		code = 0;
	}
	if (s && code)
		close_without_note(v, s, &err);
	else if (s)
		code = close_with_home(v, s, gone, &err);
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
	/*
	 * Wake the adopter.  While this volume was closing, somebody may have made a target with
	 * its name or its metadata, and this target now waits for a volume.
	 */
	if (gone)
		volumes_name_is_free();
}

static void *volume_thread(void *arg)
{
	struct volume *v = arg;
	bool gone = false;
	bool held = true;

	thread_name("erad-commit");
	thread_first();
	while (!told_to_stop(v)) {
		/* Clear the flag before looking, so that a kick during the look is not lost. */
		bool kicked = atomic_exchange(&v->attention, false);
		uint64_t now = thread_now_ms();

		/* After attach_let_go(), attach_look() attaches to the same target again. */
		if (kicked && degraded_unseen(v))
			attach_let_go(v);
		if (kicked || now >= v->look_at) {
			gone = !attach_look(v);
			if (gone)
				break;
			held = true;
		}
		/* Call message_look() before the next turn, because a turn may be long. */
		if (kicked)
			message_look(v);
		if (v->fd >= 0 && (kicked || now >= v->roll_at))
			rollover_step(v);
		if (v->fd >= 0 && now >= v->degraded_at)
			degraded_step(v);
		if (v->fd >= 0 && v->failed)
			recover_failed(v);
		else if (v->fd >= 0 && !v->holds && (v->batch ? now >= v->retry_at : held))
			serve_batches(v);
		pthread_mutex_lock(&v->lock);
		volume_count_states(v);
		pthread_mutex_unlock(&v->lock);
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
	/*
	 * The volume is in the registry already, so other threads may read the store.
	 * volume_store_take() waits for these threads.
	 */
	s = volume_store_take(v);
	if (s)
		store_close(s, false, NULL);
	volume_unref(v);
	return err_set(err, r, "cannot start a thread: %s", strerror(-r));
}
