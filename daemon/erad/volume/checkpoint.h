/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The requester's part of a checkpoint.  rollover.h has the volume thread's part. */
#ifndef ERAD_CHECKPOINT_H
#define ERAD_CHECKPOINT_H

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
 * c->lasts true: the snapshot is a lasting one.
 */
int volume_roll(struct volume *v, const struct checkpoint *c, uint32_t *era, struct err *err);

#endif /* ERAD_CHECKPOINT_H */
