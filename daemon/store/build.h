/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * New metadata that says from the start what was written when: from a dump, or
 * in place of metadata that is lost.
 */
#ifndef ERAD_BUILD_H
#define ERAD_BUILD_H

#include "store/store.h"

struct build;

/*
 * Begins: what the engine held is gone, and nothing opens before build_end().
 * The current era will be `era`.  The engine stays the caller's, who ends the
 * build with build_end() or build_cancel().
 */
int build_begin(struct engine *e, const struct store_geometry *g, uint32_t era,
		struct build **out, struct err *err);

/*
 * Blocks first … first + len - 1 were written in era `era`, or in a newer one
 * if that has been said before.  Fast where blocks ascend.  EINVAL for blocks
 * that are not on the device, and for eras after the current one.
 */
int build_put(struct build *b, uint64_t first, uint64_t len, uint32_t era, struct err *err);

/* Every block counts as written in that era or later.  Costs nothing, however many there are. */
void build_floor(struct build *b, uint32_t era);

/* Makes it durable, and metadata.  Frees the build, whatever it returns. */
int build_end(struct build *b, struct err *err);

/* Frees it; NULL is none.  The engine holds no metadata then. */
void build_cancel(struct build *b);

#endif /* ERAD_BUILD_H */
