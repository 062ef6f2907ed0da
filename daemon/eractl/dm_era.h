/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the metadata of Linux's dm-era target, in the format of
 * dm_era_format.h, and trusts nothing in it.
 */
#ifndef ERACTL_DM_ERA_H
#define ERACTL_DM_ERA_H

#include "eractl/era_sink.h"
#include "store/engine.h"

struct dm_era;

/*
 * Reads the superblock, and that of the metadata snapshot if snapshot.
 * EINVAL if this is not dm-era's metadata, ENOENT if there is no snapshot,
 * EUCLEAN, with the block in the sentence, for whatever is damaged or makes no
 * sense.  The engine stays the caller's; it must live until dm_era_close().
 */
int dm_era_open(struct engine *e, bool snapshot, struct dm_era **out, struct err *err);

/* NULL is none. */
void dm_era_close(struct dm_era *d);

/*
 * Tells the sink of all blocks and their eras, as era_xml_read() does: all
 * checksums are verified, no block of the metadata is read twice, and memory
 * does not grow with what the metadata claims.  Can be called again, and gives
 * the same then: EBUSY if the superblock has changed since dm_era_open().
 * EUCLEAN as above; the sink may have heard of much before.
 *
 * The metadata snapshot is of all that was written before it was taken.
 */
int dm_era_read(struct dm_era *d, const struct era_sink *sink, void *ctx, struct err *err);

#endif /* ERACTL_DM_ERA_H */
