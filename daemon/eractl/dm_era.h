/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the metadata of Linux's dm-era target, whose format is in dm_era_format.h.  All values are
 * checked before they are used.
 */
#ifndef ERACTL_DM_ERA_H
#define ERACTL_DM_ERA_H

#include "eractl/era_sink.h"
#include "store/engine.h"

struct dm_era;

/*
 * Reads the superblock, and, if snapshot, the superblock of the metadata snapshot.  EINVAL: this
 * is not dm-era's metadata.  ENOENT: there is no snapshot.  EUCLEAN: a block is damaged or
 * inconsistent; the sentence names the block.  The engine stays the caller's, and must live
 * until dm_era_close().
 */
int dm_era_open(struct engine *e, bool snapshot, struct dm_era **out, struct err *err);

/* d may be NULL. */
void dm_era_close(struct dm_era *d);

/*
 * Passes all blocks and their eras to the sink, as era_xml_read() does.  Verifies all checksums,
 * reads no block of the metadata twice, and uses bounded memory, whatever the metadata contains.
 * Can be called again with the same result.  EBUSY: the superblock has changed since
 * dm_era_open().  EUCLEAN: as in dm_era_open(), after some blocks may have been passed.
 *
 * The metadata snapshot has all writes before the snapshot was taken.
 */
int dm_era_read(struct dm_era *d, const struct era_sink *sink, void *ctx, struct err *err);

#endif /* ERACTL_DM_ERA_H */
