// SPDX-License-Identifier: GPL-2.0-or-later
/* The sparse bitset against an array of bytes, and at its edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rnd.h"
#include "store/bitset.h"
#include "store/overlay.h"

static uint64_t naive_find(const uint8_t *bytes, uint64_t from, uint64_t end, bool want)
{
	while (from < end && bytes[from] != want)
		from++;
	return from < end ? from : end;
}

static void compare(const struct bitset *b, const uint8_t *bytes, uint64_t nr, uint64_t *r)
{
	uint64_t from, end, pos;
	unsigned int i;
	bool want;

	for (pos = 0, want = true; pos < nr; want = !want) {
		assert_int_equal(bitset_find(b, pos, nr, want), naive_find(bytes, pos, nr, want));
		pos = naive_find(bytes, pos, nr, want);
	}
	for (i = 0; i < 20; i++) {
		from = rnd_below(r, nr);
		end = from + rnd_below(r, nr - from + 1);
		want = rnd_below(r, 2);
		assert_int_equal(bitset_find(b, from, end, want),
				 naive_find(bytes, from, end, want));
	}
}

static void test_random(void **state)
{
	static const uint64_t sizes[] = { 1, 63, 64, 65, 32768, 32769, 100000, 1 << 24, (1 << 24) + 7 };
	uint64_t r = 1;
	unsigned int i, k, n;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		const uint64_t nr = sizes[i];
		uint8_t *bytes = calloc(1, nr);
		struct bitset b;

		bitset_init(&b, nr);
		n = nr > 1000000 ? 4 : 30;
		for (k = 0; k < n; k++) {
			uint64_t first = rnd_below(&r, nr);
			uint64_t len = 1 + rnd_below(&r, rnd_below(&r, 3) ? 100 : nr);

			if (len > nr - first)
				len = nr - first;
			assert_int_equal(bitset_set(&b, first, len), 0);
			memset(bytes + first, 1, len);
			compare(&b, bytes, nr, &r);
		}
		bitset_destroy(&b);
		assert_int_equal(b.nodes, 0);
		assert_int_equal(bitset_find(&b, 0, nr, true), nr);
		free(bytes);
	}
}

/* Single blocks after runs to the end of a leaf, of which the last one is then full. */
static void test_after_runs(void **state)
{
	enum { LEAF = 1 << BITSET_LEAF_SHIFT, NR = 4 * LEAF };
	static uint8_t bytes[NR];
	uint64_t r = 1;
	unsigned int i, k;

	(void)state;
	for (i = 0; i < 60; i++) {
		struct bitset b;

		bitset_init(&b, NR);
		memset(bytes, 0, NR);
		for (k = 0; k < 12; k++) {
			const uint64_t first = rnd_below(&r, NR), whole = first - first % LEAF + LEAF;
			uint64_t len = rnd_below(&r, 4) ? 1 : whole - first;

			if (len > 1 && whole < NR && rnd_below(&r, 2))
				len += LEAF;
			assert_int_equal(bitset_set(&b, first, len), 0);
			memset(bytes + first, 1, len);
		}
		compare(&b, bytes, NR, &r);
		bitset_destroy(&b);
	}
}

/* A discard of everything: next to no memory, no time. */
static void test_huge(void **state)
{
	const uint64_t nr = 1ULL << 52;
	struct bitset b;

	(void)state;
	bitset_init(&b, nr);
	assert_int_equal(bitset_set(&b, nr - 1, 1), 0);
	assert_int_equal(bitset_find(&b, 0, nr, true), nr - 1);
	assert_int_equal(bitset_find(&b, nr - 1, nr, false), nr);
	assert_int_equal(bitset_set(&b, 5, nr - 10), 0);
	assert_in_range(b.nodes, 1, 12);
	assert_int_equal(bitset_find(&b, 0, nr, true), 5);
	assert_int_equal(bitset_find(&b, 5, nr, false), nr - 5);
	assert_int_equal(bitset_find(&b, nr - 5, nr, true), nr - 1);
	assert_int_equal(bitset_set(&b, 0, nr), 0);
	assert_int_equal(bitset_find(&b, 0, nr, false), nr);
	assert_int_equal(bitset_set(&b, 77, 1), 0);
	assert_int_equal(bitset_find(&b, 0, nr, false), nr);
	bitset_destroy(&b);
}

static void test_bits(void **state)
{
	uint64_t words[4] = { 0 };

	(void)state;
	bits_set(words, 60, 70);
	assert_int_equal(bits_find(words, 0, 256, true), 60);
	assert_int_equal(bits_find(words, 60, 256, false), 130);
	assert_int_equal(bits_find(words, 130, 256, true), 256);
	assert_int_equal(bits_find(words, 0, 60, true), 60);
	assert_int_equal(bits_find(words, 61, 64, false), 64);
	assert_int_equal(bits_find(words, 256, 256, true), 256);
	bits_set(words, 0, 256);
	assert_int_equal(bits_find(words, 0, 256, false), 256);
}

static void test_overlay(void **state)
{
	struct overlay o = { .nr_blocks = 1000 };
	uint64_t bits[16] = { 0 };

	(void)state;
	assert_int_equal(overlay_find(&o, 0, 1000), 1000);
	assert_int_equal(overlay_add(&o, 1, &(struct run){ 500, 10 }, 1), 0);
	assert_int_equal(overlay_add(&o, 3, &(struct run){ 505, 20 }, 1), 0);
	assert_int_equal(overlay_add(&o, 3, &(struct run){ 999, 1 }, 1), 0);
	assert_int_equal(overlay_find(&o, 0, 1000), 500);
	assert_int_equal(overlay_find(&o, 501, 1000), 501);
	assert_int_equal(overlay_find(&o, 525, 1000), 999);
	overlay_collect(&o, 2, 500, 500, bits);
	assert_int_equal(bits_find(bits, 0, 500, true), 5);
	assert_int_equal(bits_find(bits, 5, 500, false), 25);
	assert_int_equal(bits_find(bits, 25, 500, true), 499);
	overlay_collect(&o, 1, 500, 500, bits);
	assert_int_equal(bits_find(bits, 0, 500, true), 0);
	assert_true(overlay_bytes(&o) > 2 * 4096);
	overlay_destroy(&o);
	assert_int_equal(overlay_bytes(&o), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_after_runs),
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_overlay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
