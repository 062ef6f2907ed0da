/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes and drops the snapshot of a volume: the state at the end of an era, kept while writes go on. */
#ifndef ERAD_SNAPSHOT_VOLUME_H
#define ERAD_SNAPSHOT_VOLUME_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct store;
struct volume;

/*
 * Runs a checkpoint, and keeps the state before the checkpoint as the snapshot, which is durable on
 * return.
 *
 * lasts true: the snapshot is kept until it is dropped, even if erad ends.  lasts false: the
 * snapshot is a pin of the caller, which volume_snapshot_unpin() drops, and which also ends with
 * erad.
 *
 * EEXIST: the volume already has a lasting snapshot.  EBUSY: a reader has pinned a snapshot, or too
 * many requests wait.
 */
int volume_snapshot_take(struct volume *v, bool lasts, uint32_t *era, struct err *err);

/* Drops the lasting snapshot.  ENOENT: the volume has none. */
int volume_snapshot_drop(struct volume *v, struct err *err);
/* Drops the caller's pin.  s: the store, to which the caller has a reference; the volume may be closing. */
int volume_snapshot_unpin(struct volume *v, struct store *s, struct err *err);

#endif /* ERAD_SNAPSHOT_VOLUME_H */
