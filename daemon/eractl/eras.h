/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the newest era of each block: from erad for a live volume, or from the metadata of a closed volume. */
#ifndef ERACTL_ERAS_H
#define ERACTL_ERAS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "store/store.h"

struct eras_reader {
	bool snapshot;		/* read the volume's snapshot */
	bool loose;		/* begin no era on a live volume; the result does not show one moment then */
	void *ctx;
	/* Called once, first.  In info, all members up to the era, and journal_pages and chunk_pages, are set. */
	int (*begin)(void *ctx, const struct store_info *info, struct err *err);
	/* Called for runs of blocks that were ever written, in ascending order.  On failure need not set an error. */
	int (*run)(void *ctx, uint64_t first, uint64_t len, uint32_t era);
};

/*
 * operand: the name of a volume, or the path of metadata.  Returns 0 when all runs were read,
 * the result of one of the functions if it was not 0, or another negative errno.
 */
int eras_read(const char *operand, const struct eras_reader *r, struct err *err);

#endif /* ERACTL_ERAS_H */
