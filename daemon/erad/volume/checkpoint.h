/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The requester's part of a checkpoint, of one volume or of several.  rollover.h describes the
 * volume thread's part.
 */
#ifndef ERAD_CHECKPOINT_H
#define ERAD_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct checkpoint;
struct volume;

/*
 * Begins a new era, and waits until every write that is recorded only in an earlier era has
 * completed.  *era receives the new era.  EBUSY: too many requests wait already.
 */
int volume_checkpoint(struct volume *v, uint32_t *era, struct err *err);

/*
 * Call volume_may_wait() before a wait that may last as long as the origin hangs, and
 * volume_has_waited() after the wait.  EBUSY: too many requests wait for this volume already.  The
 * limit keeps connections free for other requests.
 */
int volume_may_wait(struct volume *v, struct err *err);
void volume_has_waited(struct volume *v);

/*
 * Begins a new era, and waits as volume_checkpoint() does.  Call volume_may_wait() first.
 * c->snapshot true: also requests a snapshot of all earlier eras, which the next fold takes.
 * c->lasts true: the snapshot is a lasting one.  ENODEV: the volume is being closed.
 */
int volume_roll(struct volume *v, const struct checkpoint *c, uint32_t *era, struct err *err);

/* At most this many volumes can have a checkpoint together. */
#define TOGETHER_MAX	64u

/*
 * Begins a new era for each of the nr volumes at one moment, which together.h defines, and waits
 * until every write that is recorded only in earlier eras has completed.  era[i] receives the new
 * era of v[i].  If one volume fails, the function fails, and the message names the volume; other
 * volumes may have begun an era more.
 *
 * E2BIG	there are more than TOGETHER_MAX volumes
 * EINVAL	a volume is named twice
 * EDEADLK	the metadata of a volume lies on another one of the volumes
 * ENODEV	a volume is being closed
 * EBUSY		another checkpoint of a volume did not end in time
 * ETIMEDOUT	a volume was not ready in time, or did not begin its era in time
 *
 * The function returns when the part of each volume has ended.  If the metadata of one volume
 * hangs, this may be long after the other volumes serve writes again and can have other checkpoints.
 */
int volume_checkpoint_together(struct volume *const *v, unsigned int nr, uint32_t *era,
			       struct err *err);

/*
 * The steps of volume_roll().  All steps except checkpoint_lock_take() and checkpoint_look() need
 * checkpoint_lock.
 *
 * checkpoint_lock_take() takes checkpoint_lock.  The holder of the lock may wait for I/O that never
 * ends, and the caller may have a reference to the store, so the wait ends when the volume ends:
 * ENODEV.  EBUSY: thread_now_ms() has reached `until`; UINT64_MAX: no limit.
 * checkpoint_look() looks at the metadata file, and for other devices on the origin.
 * checkpoint_prepare() gets memory for the next era, and sets c->prepared and c->map.
 * checkpoint_request() copies c to the volume, and wakes the volume thread; on success, the volume
 * owns c->map.  checkpoint_collect() waits until the volume thread has ended the checkpoint.
 * *again: the target was in another era than expected, or this era could not begin the snapshot,
 * so run the checkpoint once more.  checkpoint_once() calls checkpoint_prepare(),
 * checkpoint_request() and checkpoint_collect().
 */
int checkpoint_lock_take(struct volume *v, uint64_t until, struct err *err);
int checkpoint_look(struct volume *v, struct err *err);
int checkpoint_prepare(struct volume *v, struct checkpoint *c, struct err *err);
int checkpoint_request(struct volume *v, const struct checkpoint *c, struct err *err);
int checkpoint_collect(struct volume *v, uint32_t *era, bool *again, struct err *err);
int checkpoint_once(struct volume *v, const struct checkpoint *how, uint32_t *era, bool *again,
		    struct err *err);

/* One try moves the target to the metadata's era, one runs the checkpoint, and one is spare. */
#define ROLL_TRIES	3

#endif /* ERAD_CHECKPOINT_H */
