/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random numbers that depend only on the seed (splitmix64). */
#ifndef ERAD_TEST_RND_H
#define ERAD_TEST_RND_H

#include <stdint.h>

static inline uint64_t rnd(uint64_t *state)
{
	uint64_t z = *state += 0x9E3779B97F4A7C15ULL;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
	return z ^ z >> 31;
}

/* Returns a random number from 0 to n - 1. */
static inline uint64_t rnd_below(uint64_t *state, uint64_t n)
{
	return rnd(state) % n;
}

#endif /* ERAD_TEST_RND_H */
