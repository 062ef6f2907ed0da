/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Converts runs of blocks to words of a bitmap, for a bitmap that can only be written in whole
 * words, for example a BPF map.  Collects a bounded number of words, and allocates no memory.
 */
#ifndef ERAD_BITMAP_WORDS_H
#define ERAD_BITMAP_WORDS_H

#include <stdint.h>

#define BITMAP_WORDS_MAX	1024u

struct bitmap_words {
	const uint64_t *have;	/* current content of the bitmap; flush() changes it */
	unsigned int shift;	/* one bit stands for 2^shift blocks */
	uint64_t marked;	/* number of bits that were clear and have been set */
	/* The words that flush() must write, and their positions in the bitmap. */
	unsigned int nr;
	uint32_t index[BITMAP_WORDS_MAX];	/* positions, in ascending order */
	uint64_t word[BITMAP_WORDS_MAX];
};

/*
 * Returns the smallest shift with which a bitmap of nr_blocks has at most cap bytes.  nr_blocks is
 * at least 1, and cap is a multiple of 8.
 */
unsigned int bitmap_words_shift(uint64_t nr_blocks, uint64_t cap);

/* Returns how many 64-bit words the bitmap has. */
uint64_t bitmap_words_count(uint64_t nr_blocks, unsigned int shift);

/*
 * Adds the blocks first to first + len - 1; len > 0.  Calls flush when w is full.  Between two
 * flushes, first must not decrease.  After the last call, the caller must flush the words that are
 * still in w.  Returns 0, or the negative errno that flush returned.
 */
int bitmap_words_add(struct bitmap_words *w, uint64_t first, uint64_t len,
		     int (*flush)(struct bitmap_words *w, void *ctx), void *ctx);

#endif /* ERAD_BITMAP_WORDS_H */
