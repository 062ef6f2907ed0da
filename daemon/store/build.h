/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes new metadata whose array already contains eras: the eras of a dump, or of a repair of lost
 * metadata.
 */
#ifndef ERAD_BUILD_H
#define ERAD_BUILD_H

#include "store/history.h"
#include "store/store.h"

struct build;

/*
 * Begins a build.  The former content of the engine is lost, and nothing can be opened before
 * build_end().  `era` becomes the current era.  The engine still belongs to the caller.  After a
 * success, the caller must call build_end() or build_cancel().
 */
int build_begin(struct engine *e, const struct store_geometry *g, uint32_t era,
		struct build **out, struct err *err);

/*
 * Records that blocks first … first + len - 1 were written in era `era`.  If a block is recorded
 * twice, the newer era counts.  Ascending blocks are fast.  EINVAL: a block is not on the device,
 * or `era` is after the current era.
 */
int build_put(struct build *b, uint64_t first, uint64_t len, uint32_t era, struct err *err);

/*
 * Raises the floor: every block counts as written in era `era` or later.  Takes no time and no
 * memory.
 */
void build_floor(struct build *b, uint32_t era);

/*
 * Adds a copy of these notes about the origin to the new metadata.  Without this call, the metadata
 * has no notes.  Returns 0 or -ENOMEM.
 */
int build_notes(struct build *b, const struct store_notes *notes);

/* Completes the metadata and makes it durable.  Frees the build, also on failure. */
int build_end(struct build *b, struct err *err);

/* Frees the build, which may be NULL.  Afterwards, the engine has no metadata. */
void build_cancel(struct build *b);

#endif /* ERAD_BUILD_H */
