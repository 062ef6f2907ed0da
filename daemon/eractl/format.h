/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The formats in which a diff is printed. */
#ifndef ERACTL_FORMAT_H
#define ERACTL_FORMAT_H

#include <stdint.h>

/* All in bytes.  The first part is known before begin(), the second counts along. */
struct diff {
	const char *volume;
	uint64_t block_size, size;
	uint64_t since, era;

	uint64_t end;		/* of the last extent */
	uint64_t extents, changed;
};

/*
 * Each prints on stdout and keeps nothing back, so that memory does not grow
 * with the number of extents.
 */
struct diff_format {
	const char *name;
	void (*begin)(const struct diff *d);
	/* d does not count this extent yet, so that d->end begins the gap before it. */
	void (*extent)(const struct diff *d, uint64_t offset, uint64_t length);
	void (*end)(const struct diff *d);
	/*
	 * In place of end() when not all extents came: makes that which is on
	 * stdout unfit for those who would take it for whole.  NULL: it is.
	 */
	void (*cut_off)(void);
};

/* NULL if there is none of this name. */
const struct diff_format *diff_format_find(const char *name);

#endif /* ERACTL_FORMAT_H */
