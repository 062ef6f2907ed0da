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
 * Runs a checkpoint, and keeps the state before it as the snapshot, which is durable on return.
 * lasts: the snapshot is kept until it is dropped, also if erad ends.  Otherwise it is the caller's
 * pin, which volume_snapshot_unpin() drops, and it ends with erad.  EEXIST: the volume has a
 * lasting snapshot already.  EBUSY: a reader has pinned a snapshot; also returned as by
 * volume_checkpoint().
 */
int volume_snapshot_take(struct volume *v, bool lasts, uint32_t *era, struct err *err);

/* Drops the lasting snapshot.  ENOENT: the volume has none. */
int volume_snapshot_drop(struct volume *v, struct err *err);
/* Drops the caller's pin.  s is the store, on which the caller has a reference; the volume may be closing. */
int volume_snapshot_unpin(struct volume *v, struct store *s, struct err *err);

#endif /* ERAD_SNAPSHOT_VOLUME_H */
