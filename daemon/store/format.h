/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The steps that make new metadata.  store_format() takes all steps.  A build (build.h) fills the
 * era array before the last step.  After the old superblocks are durably erased, and before the new
 * superblocks are written, there is nothing that could be opened.  Everything else is durable
 * before the new superblocks are written.
 */
#ifndef ERAD_FORMAT_STEPS_H
#define ERAD_FORMAT_STEPS_H

#include "erad_format.h"
#include "store/store.h"

/* Makes the superblock of empty metadata that fits on the engine.  Writes nothing. */
int format_layout(const struct engine *e, const struct store_geometry *g,
		  struct erad_disk_super *sb, struct err *err);

/*
 * Zeroes everything that sb describes.  On return, the zeros in place of the superblocks are
 * durable; the other zeros are not durable yet.
 */
int format_wipe(struct engine *e, const struct erad_disk_super *sb,
		void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx,
		struct err *err);

/*
 * Makes all writes durable.  Then writes sb durably to both copies of the superblock, with the next
 * two sequence numbers.  The former content of the copies is lost.
 */
int format_finish(struct engine *e, struct erad_disk_super *sb, struct err *err);

#endif /* ERAD_FORMAT_STEPS_H */
