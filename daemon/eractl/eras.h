/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which block was last written in which era: from erad, or from metadata that nobody has open. */
#ifndef ERACTL_ERAS_H
#define ERACTL_ERAS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "store/store.h"

struct eras_reader {
	bool snapshot;		/* as it was when the snapshot was taken */
	bool loose;		/* of a live volume: without a new era, and so not of one moment */
	void *ctx;
	/* Once, first.  Of info, all up to the era, journal_pages and chunk_pages are set. */
	int (*begin)(void *ctx, const struct store_info *info, struct err *err);
	/* In ascending order, for blocks that were ever written.  Need not set an error. */
	int (*run)(void *ctx, uint64_t first, uint64_t len, uint32_t era);
};

/*
 * operand: the name of a volume, or where metadata is.  Returns 0 when all was
 * told, what the functions returned that was not 0, or a negative errno.
 */
int eras_read(const char *operand, const struct eras_reader *r, struct err *err);

#endif /* ERACTL_ERAS_H */
