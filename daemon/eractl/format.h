/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The formats in which a diff is printed. */
#ifndef ERACTL_FORMAT_H
#define ERACTL_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "eractl/changes.h"

/* Sizes are in bytes.  The first part is known before begin(); the second part is updated after each extent. */
struct diff {
	const char *volume;
	uint64_t offset;	/* of the volume's first byte; it has been added to the extents */
	struct changes_head head;

	uint64_t end;		/* of the last extent */
	uint64_t extents, changed;
};

/*
 * Each function prints to stdout and keeps no extents, so that memory does not grow with their
 * number.
 */
struct diff_format {
	const char *name;
	void (*begin)(const struct diff *d);
	/* d does not include this extent yet: the gap before this extent begins at d->end. */
	void (*extent)(const struct diff *d, uint64_t offset, uint64_t length);
	void (*end)(const struct diff *d);
	/*
	 * Called instead of end() if the diff is incomplete: prints something that makes programs
	 * refuse the output.  NULL: programs refuse the output without its end anyway.
	 */
	void (*cut_off)(void);
	bool in_blocks;		/* the offset must be a multiple of the block size */
};

/* Returns the format of this name, or NULL. */
const struct diff_format *diff_format_find(const char *name);

#endif /* ERACTL_FORMAT_H */
