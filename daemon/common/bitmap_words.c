// SPDX-License-Identifier: GPL-2.0-or-later
/* Turns runs of blocks into words of a bitmap: see bitmap_words.h. */
#include <stdbool.h>

#include "common/bitmap_words.h"

uint64_t bitmap_words_count(uint64_t nr_blocks, unsigned int shift)
{
	return ((nr_blocks - 1) >> shift) / 64 + 1;
}

unsigned int bitmap_words_shift(uint64_t nr_blocks, uint64_t cap)
{
	unsigned int shift = 0;

	while (bitmap_words_count(nr_blocks, shift) > cap / 8)
		shift++;
	return shift;
}

/* Returns a word in which the bits `from` to `to` are set.  Both are 0 to 63. */
static uint64_t bits_between(unsigned int from, unsigned int to)
{
	return (~0ull << from) & (~0ull >> (63 - to));
}

int bitmap_words_add(struct bitmap_words *w, uint64_t first, uint64_t len,
		     int (*flush)(struct bitmap_words *w, void *ctx), void *ctx)
{
	const uint64_t from = first >> w->shift, to = (first + len - 1) >> w->shift;

	for (uint64_t i = from / 64; i <= to / 64; i++) {
		const uint64_t bits = bits_between(i == from / 64 ? from % 64 : 0, i == to / 64 ? to % 64 : 63);
		const bool last = w->nr && w->index[w->nr - 1] == i;
		const uint64_t had = last ? w->word[w->nr - 1] : w->have[i];
		int r;

		if ((had | bits) == had)
			continue;
		w->marked += __builtin_popcountll(bits & ~had);
		if (last) {
			w->word[w->nr - 1] |= bits;
			continue;
		}
		if (w->nr == BITMAP_WORDS_MAX) {
			r = flush(w, ctx);
			if (r)
				return r;
			w->nr = 0;
		}
		w->index[w->nr] = i;
		w->word[w->nr++] = had | bits;
	}
	return 0;
}
