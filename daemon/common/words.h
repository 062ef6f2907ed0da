/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Turns runs of blocks into the words of a bitmap that somebody else keeps,
 * a bounded number at a time, without allocating anything.
 */
#ifndef ERAD_WORDS_H
#define ERAD_WORDS_H

#include <stdint.h>

#define WORDS_MAX	1024u

struct words {
	const uint64_t *have;	/* the bitmap; changes with flush() */
	unsigned int shift;	/* a bit stands for 2^shift blocks */
	uint64_t marked;	/* bits that were not set before */
	/* What flush() is to store. */
	unsigned int nr;
	uint32_t index[WORDS_MAX];	/* ascending */
	uint64_t word[WORDS_MAX];
};

/* The smallest shift with which the bitmap of nr_blocks (at least 1) is not larger than cap bytes, a multiple of 8. */
unsigned int words_shift(uint64_t nr_blocks, uint64_t cap);

/* Words of the bitmap. */
uint64_t words_count(uint64_t nr_blocks, unsigned int shift);

/*
 * Adds blocks first … first + len - 1; len > 0; calls flush where w is full.
 * Between two flushes, first must not get smaller.  What is left in w at
 * the end is the caller's to flush.  A negative errno of flush ends it.
 */
int words_add(struct words *w, uint64_t first, uint64_t len, int (*flush)(struct words *w, void *ctx),
	      void *ctx);

#endif /* ERAD_WORDS_H */
