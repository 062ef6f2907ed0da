/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the newest era of each block: from erad for a live volume, or from the metadata of a closed
 * volume.
 */
#ifndef ERACTL_ERAS_H
#define ERACTL_ERAS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "store/history.h"
#include "store/store.h"

struct eras_reader {
	bool snapshot;		/* whether to read the volume's snapshot */
	/*
	 * true: begin no new era on a live volume.  Then different blocks may have the eras of
	 * different moments.
	 */
	bool loose;
	void *ctx;
	/*
	 * If not NULL, receives the notes of a closed volume before begin() is called.  For a live
	 * volume and a snapshot, the notes are a seal of zeros, with which the next open records a
	 * gap.
	 */
	struct store_notes *notes;
	/*
	 * Called once, before the first run.  These members of info are set: all up to `era`, and
	 * journal_pages and chunk_pages.
	 */
	int (*begin)(void *ctx, const struct store_info *info, struct err *err);
	/*
	 * Called for each run of blocks that were ever written, in ascending order.  May fail
	 * without setting an error.
	 */
	int (*run)(void *ctx, uint64_t first, uint64_t len, uint32_t era);
};

/*
 * Reads the eras.  operand: the name of a volume, or the path of metadata.  Returns 0 when all runs
 * were read.  Otherwise returns the error of a function of the reader, or a negative errno.
 */
int eras_read(const char *operand, const struct eras_reader *r, struct err *err);

#endif /* ERACTL_ERAS_H */
