/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The snapshot of a volume: the state at the end of an era, kept while writes go on. */
#ifndef ERAD_SNAPSHOT_VOLUME_H
#define ERAD_SNAPSHOT_VOLUME_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct store;
struct volume;

/*
 * A checkpoint, and what was before it is kept as the snapshot, durable on
 * return.  lasts: until it is dropped, whatever becomes of erad; else it is the caller's
 * pin, for volume_snapshot_unpin(), and ends with erad.
 *
 * EEXIST: one that lasts is held already.  EBUSY: a reader has pinned one; and as
 * volume_checkpoint().
 */
int volume_snapshot_take(struct volume *v, bool lasts, uint32_t *era, struct err *err);

/* Drops the one that lasts.  ENOENT: none is held. */
int volume_snapshot_drop(struct volume *v, struct err *err);
/* s is the store, which the caller holds; it may be closing otherwise. */
int volume_snapshot_unpin(struct volume *v, struct store *s, struct err *err);

#endif /* ERAD_SNAPSHOT_VOLUME_H */
