/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The steps that make new metadata: store_format() takes them one after the
 * other, a build (build.h) fills the era array before the last.
 *
 * Once the old superblocks are durably gone nothing opens, until the new ones
 * are written, and before these everything else is durable.
 */
#ifndef ERAD_FORMAT_STEPS_H
#define ERAD_FORMAT_STEPS_H

#include "erad_format.h"
#include "store/store.h"

/* The superblock of empty metadata that fits on the engine; nothing is written. */
int format_layout(const struct engine *e, const struct store_geometry *g,
		  struct erad_disk_super *sb, struct err *err);

/* Zeros everything that sb speaks of: the superblocks durably, the rest not yet. */
int format_wipe(struct engine *e, const struct erad_disk_super *sb,
		void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx,
		struct err *err);

/*
 * Makes durable what was written, and then sb in both copies, with the next two
 * numbers.  Whatever the copies held is gone.
 */
int format_finish(struct engine *e, struct erad_disk_super *sb, struct err *err);

#endif /* ERAD_FORMAT_STEPS_H */
