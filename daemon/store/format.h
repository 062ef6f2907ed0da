/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The steps that make new metadata.  store_format() takes all steps.  A build (build.h) fills the
 * era array before the last step.
 *
 * First the old superblocks are durably erased.  Then everything else is written and made durable.
 * Last, the new superblocks are written.  In between, no metadata can be opened.
 */
#ifndef ERAD_FORMAT_STEPS_H
#define ERAD_FORMAT_STEPS_H

#include "erad_format.h"
#include "store/store.h"

/* Makes the superblock of empty metadata that fits on the engine.  Writes nothing. */
int format_layout(const struct engine *e, const struct store_geometry *g,
		  struct erad_disk_super *sb, struct err *err);

/*
 * Zeroes everything that sb describes.  When this returns, the erased superblocks are durable; the
 * other zeros are not durable yet.
 */
int format_wipe(struct engine *e, const struct erad_disk_super *sb,
		void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx,
		struct err *err);

/*
 * Makes all earlier writes durable.  Then writes sb durably to both copies of the superblock, with
 * the next two sequence numbers.  The former content of the copies is lost.
 */
int format_finish(struct engine *e, struct erad_disk_super *sb, struct err *err);

#endif /* ERAD_FORMAT_STEPS_H */
