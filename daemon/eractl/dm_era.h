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
 * Opens the metadata and reads the superblock, or the superblock of the metadata snapshot if
 * `snapshot` is true.  EINVAL: this is not dm-era's metadata.  ENOENT: there is no metadata
 * snapshot.  EUCLEAN: a block is damaged or inconsistent, and err names the block.  EOPNOTSUPP: the
 * format has another version.  EOVERFLOW: the current era is larger than erad's largest era.  The
 * caller closes the engine after dm_era_close().
 */
int dm_era_open(struct engine *e, bool snapshot, struct dm_era **out, struct err *err);

/* Frees d, which may be NULL. */
void dm_era_close(struct dm_era *d);

/*
 * Passes the eras of all blocks to the sink, as era_xml_read() does.  May be called again, with the
 * same result.  A metadata snapshot contains all writes from before it was taken.  Verifies all
 * checksums, reads each block of the trees at most once, and uses bounded memory even if the
 * metadata is damaged.  EBUSY: since dm_era_open(), the metadata has changed, or the metadata
 * snapshot was dropped.  EUCLEAN: a block is damaged.  After an error, the sink may already have
 * received some eras.
 */
int dm_era_read(struct dm_era *d, const struct era_sink *sink, void *ctx, struct err *err);

#endif /* ERACTL_DM_ERA_H */
