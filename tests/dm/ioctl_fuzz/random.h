/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random numbers for ioctl_fuzz.  They depend only on the seed, and each thread has its own state.
 */
#ifndef ERAD_TESTS_RANDOM_H
#define ERAD_TESTS_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint64_t next(uint64_t *s)	/* This is splitmix64. */
{
	uint64_t z = (*s += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* Returns true in one of n cases. */
static inline bool one_in(uint64_t *rng, unsigned int n)
{
	return next(rng) % n == 0;
}

static inline uint64_t any_of(uint64_t *rng, const uint64_t *values, size_t nr)
{
	return values[next(rng) % nr];
}

#define ANY_OF(rng, ...) ({						\
	const uint64_t v_[] = { __VA_ARGS__ };				\
	any_of(rng, v_, sizeof(v_) / sizeof(v_[0]));			\
})

#endif /* ERAD_TESTS_RANDOM_H */
