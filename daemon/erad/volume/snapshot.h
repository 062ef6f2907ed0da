/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Takes and drops the snapshot of a volume: the array at the beginning of an era, kept while folds
 * go on.
 */
#ifndef ERAD_SNAPSHOT_VOLUME_H
#define ERAD_SNAPSHOT_VOLUME_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct store;
struct volume;

/*
 * Runs a checkpoint, and keeps the array before the checkpoint as the snapshot.  *era receives the
 * era that the checkpoint has begun.  The snapshot is durable when this returns 0.
 *
 * lasts true: the snapshot is kept until somebody drops it, even if erad ends.  lasts false: the
 * snapshot is a pin of the caller.  volume_snapshot_unpin() drops the pin, and the end of erad
 * drops it, too.
 *
 * EEXIST: the volume already has a lasting snapshot.  EBUSY: a reader has pinned a snapshot, or too
 * many requests wait.
 */
int volume_snapshot_take(struct volume *v, bool lasts, uint32_t *era, struct err *err);

/* Drops the lasting snapshot.  ENOENT: the volume has none. */
int volume_snapshot_drop(struct volume *v, struct err *err);
/*
 * Drops the caller's pin.  s: the store, to which the caller has a reference, because the volume
 * may be closing.
 */
int volume_snapshot_unpin(struct volume *v, struct store *s, struct err *err);

#endif /* ERAD_SNAPSHOT_VOLUME_H */
