/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The formats in which a diff is printed. */
#ifndef ERACTL_FORMAT_H
#define ERACTL_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "eractl/changes.h"

/*
 * The diff that is being printed.  Sizes are in bytes.  The members up to head are set before
 * begin(), and do not change, but head.token and head.gaps are valid only during begin().  The
 * other members change with each extent.
 */
struct diff {
	const char *volume;
	/* Offset of the volume in the output.  The offsets of the extents include it. */
	uint64_t offset;
	struct changes_head head;

	uint64_t end;		/* end of the last extent */
	uint64_t extents, changed;	/* number of the extents, and sum of their lengths */
};

/*
 * The functions print to stdout.  They keep no extents, so memory does not grow with the number of
 * extents.
 */
struct diff_format {
	const char *name;
	void (*begin)(const struct diff *d);
	/*
	 * Called for each extent, before d includes the extent.  Nothing was written from d->end to
	 * this extent.
	 */
	void (*extent)(const struct diff *d, uint64_t offset, uint64_t length);
	void (*end)(const struct diff *d);
	/*
	 * Called instead of end() if the diff is incomplete.  Prints text that makes programs
	 * refuse the output.  NULL: programs refuse output without its end in any case.
	 */
	void (*cut_off)(void);
	/* The format counts in blocks, so the offset must be a multiple of the block size. */
	bool in_blocks;
};

/* Returns the format with this name, or NULL. */
const struct diff_format *diff_format_find(const char *name);

#endif /* ERACTL_FORMAT_H */
