/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A checkpoint of several volumes at one moment: what their volume threads share.
 *
 * The promise concerns dependent writes: somebody writes to volume A, waits until this write has
 * completed, and then writes to volume B.  If the write to B is in an era before B's new era, then
 * the write to A is in an era before A's new era.
 *
 * The order that keeps the promise, for each volume:
 *
 *	1. gather: wait until all volumes are ready; writes are served
 *	2. hold: from now on, record and commit no batch
 *	3. make the new era durable
 *	4. flip: NEW_ERA, after which the target holds every write, because its writeset is empty
 *	5. wait until all volumes have flipped
 *	6. serve writes again, and wait for the drain
 *
 * Why this is right.  The era of a write is decided in one of two places.  A write whose blocks are
 * in the target's writeset passes, and its era is the era of this writeset.  It can be in the old
 * era only if it was submitted before the flip.  Any other write is held, and its era is the
 * metadata's era when its batch is recorded.  Between 2 and 6, nothing is recorded and nothing is
 * committed.  So no write in A's new era completes before all volumes have flipped.  A write to B
 * that is submitted after such a write finds B's new writeset, and is in B's new era.  A write to A
 * that is in flight when A flips has passed in the old era, so it may complete at any time.  Reads,
 * and flushes without data, have no era, and never wait.  A flush with data is a write.
 *
 * Step 2 must come before step 3, because a batch that is recorded between 3 and 4 is recorded in
 * the new era, and its writes complete before all volumes have flipped.  For the same reason, the
 * metadata must not have begun the new era already, as it has after a checkpoint that has failed
 * halfway.
 *
 * Other ways past the hold: the target lets all writes pass (DEGRADE), or another table replaces
 * the target.  Therefore each volume thread checks in step 6 that its target is still active and
 * resumed.  If somebody has let writes pass before all had flipped, this check finds it.
 *
 * Each stage has a limit of time (together.c).  If one volume does not come to the end of a stage
 * in time, or fails, the whole checkpoint fails: all other volumes serve writes again at once, and
 * the volumes that have flipped have only begun an era more.  A volume thread that holds writes
 * checks the limit itself, so no other thread can make the hold longer.
 */
#ifndef ERAD_TOGETHER_H
#define ERAD_TOGETHER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct volume;

enum together_stage {
	TOGETHER_GATHER,	/* not all volumes are ready; none holds its writes */
	TOGETHER_FLIP,		/* not all targets are in the new era */
	TOGETHER_FLIPPED,	/* all targets are in the new era */
	TOGETHER_FAILED,	/* the checkpoint has failed before all had flipped */
};

struct together_member {
	struct volume *volume;
	bool there;		/* the volume has come to the end of the stage */
	bool ended;		/* the volume's part of the checkpoint has ended */
	bool taken;		/* together_wait() has returned this member */
};

/*
 * The requester owns this, and the volume threads use it until together_ended().  The lock protects
 * all fields below it, except nr and the pointers `member` and `volume`, which do not change.  No
 * lock is taken under it.
 */
struct together {
	pthread_mutex_t lock;
	pthread_cond_t one_ended;
	enum together_stage stage;
	uint64_t deadline;	/* when the stage fails, by thread_now_ms() */
	unsigned int nr;
	struct together_member *member;
	/* The first error, or 0.  Its message names the volume. */
	int result;
	struct err err;
};

/* member: the volumes, an array of the caller, which must exist until together_free(). */
void together_init(struct together *t, struct together_member *member, unsigned int nr);
/* Call this when all members have ended. */
void together_free(struct together *t);

/*
 * Member `me` has come to the end of `stage`.  Returns the stage in which the checkpoint is now.
 * If this is still `stage`, call the function again after a kick, and at *until at the latest, by
 * thread_now_ms().  Kicks the other volumes when the stage changes.  Any lock may be held.
 */
enum together_stage together_arrive(struct together *t, unsigned int me, enum together_stage stage,
				    uint64_t *until);
/* Returns the stage in which the checkpoint is now. */
enum together_stage together_look(struct together *t);

/*
 * Keeps the error `code` of member `me`, unless an earlier error is kept.  If not all have flipped,
 * the checkpoint fails for all of them.
 */
void together_fail(struct together *t, unsigned int me, int code, const struct err *err);
/* The part of member `me` has ended.  Wakes together_wait(). */
void together_ended(struct together *t, unsigned int me);
/*
 * Waits until a member has ended, and subtracts the member from the count.  Returns the member's
 * number.
 */
unsigned int together_wait(struct together *t);

#endif /* ERAD_TOGETHER_H */
