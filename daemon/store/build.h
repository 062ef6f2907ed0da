/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes new metadata that has eras from the start: from a dump, or to replace metadata that is lost. */
#ifndef ERAD_BUILD_H
#define ERAD_BUILD_H

#include "store/store.h"

struct build;

/*
 * Begins a build.  The former content of the engine is lost, and nothing can be opened before
 * build_end().  The current era will be `era`.  The engine stays the caller's.  The caller calls
 * build_end() or build_cancel() in the end.
 */
int build_begin(struct engine *e, const struct store_geometry *g, uint32_t era,
		struct build **out, struct err *err);

/*
 * Records that blocks first … first + len - 1 were written in era `era`.  If a block has been
 * recorded with a newer era before, the newer era counts.  Fast if blocks ascend.  EINVAL: a block
 * is not on the device, or era is after the current one.
 */
int build_put(struct build *b, uint64_t first, uint64_t len, uint32_t era, struct err *err);

/* Records that every block counts as written in that era or later.  Takes no time and memory. */
void build_floor(struct build *b, uint32_t era);

/* Completes the metadata and makes it durable.  Frees the build, also on failure. */
int build_end(struct build *b, struct err *err);

/* Frees the build, which may be NULL.  The engine has no metadata then. */
void build_cancel(struct build *b);

#endif /* ERAD_BUILD_H */
