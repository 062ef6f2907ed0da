/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checkpoints, for those who ask for one; rollover.h has the volume thread's side. */
#ifndef ERAD_CHECKPOINT_H
#define ERAD_CHECKPOINT_H

#include <stdint.h>

#include "common/err.h"

struct checkpoint;
struct volume;

/*
 * Begins a new era and returns it in *era when every write that was recorded
 * only in an earlier one has completed.  Waits as long as those take.  EBUSY: too many wait already.
 */
int volume_checkpoint(struct volume *v, uint32_t *era, struct err *err);

/*
 * Before a wait that may last as long as the origin hangs, and after it.  EBUSY: so many requests wait for this
 * volume that more would take the connections that others need.
 */
int volume_may_wait(struct volume *v, struct err *err);
void volume_has_waited(struct volume *v);

/* Begins a new era, with a snapshot of what was before if c says so. */
int volume_roll(struct volume *v, const struct checkpoint *c, uint32_t *era, struct err *err);

#endif /* ERAD_CHECKPOINT_H */
