/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests checkpoints.  rollover.h has the volume thread's part. */
#ifndef ERAD_CHECKPOINT_H
#define ERAD_CHECKPOINT_H

#include <stdint.h>

#include "common/err.h"

struct checkpoint;
struct volume;

/*
 * Begins a new era.  Returns it in *era when every write that is recorded only in an earlier era
 * has completed; waits as long as this takes.  EBUSY: too many requests wait already.
 */
int volume_checkpoint(struct volume *v, uint32_t *era, struct err *err);

/*
 * Call these before and after a wait that may last as long as the origin hangs.  EBUSY: so many
 * requests wait for this volume that one more would use up the connections that other requests
 * need.
 */
int volume_may_wait(struct volume *v, struct err *err);
void volume_has_waited(struct volume *v);

/* Begins a new era.  If c asks for it, also begins a snapshot of all earlier eras. */
int volume_roll(struct volume *v, const struct checkpoint *c, uint32_t *era, struct err *err);

#endif /* ERAD_CHECKPOINT_H */
