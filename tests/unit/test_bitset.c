// SPDX-License-Identifier: GPL-2.0-or-later
/* Compares the sparse bitset with an array of bytes, and tests its limits. */
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

static void compare_bits(const struct bitset *b, const uint8_t *bytes, uint64_t nr, uint64_t *r)
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
			compare_bits(&b, bytes, nr, &r);
		}
		bitset_destroy(&b);
		assert_int_equal(b.nodes, 0);
		assert_int_equal(bitset_find(&b, 0, nr, true), nr);
		free(bytes);
	}
}

/* Adds, in random order, single blocks and runs that end at the end of a leaf. */
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
		compare_bits(&b, bytes, NR, &r);
		bitset_destroy(&b);
	}
}

/* A discard of the whole device takes little memory and time. */
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
	struct nodes pool = { 0 };
	struct overlay o = { .nr_blocks = 1000, .pool = &pool };
	uint64_t bits[16] = { 0 };

	(void)state;
	assert_int_equal(overlay_find(&o, 0, 1000), 1000);
	assert_int_equal(overlay_add_all(&o, 1, &(struct run){ 500, 10 }, 1), 0);
	assert_int_equal(overlay_add_all(&o, 3, &(struct run){ 505, 20 }, 1), 0);
	assert_int_equal(overlay_add_all(&o, 3, &(struct run){ 999, 1 }, 1), 0);
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
	overlay_destroy(&o, &pool);
	assert_int_equal(overlay_bytes(&o), 0);
	nodes_free(&pool);
}

/* Compares overlays, to which many runs are added at once, with a bitmap. */
static void test_overlay_of_many_runs(void **state)
{
	static uint64_t bits[4 << BITSET_LEAF_SHIFT >> 6], got[4 << BITSET_LEAF_SHIFT >> 6];
	const uint64_t nr_blocks = 4 << BITSET_LEAF_SHIFT;
	struct nodes pool = { 0 };
	struct overlay o = { .nr_blocks = nr_blocks, .pool = &pool };
	struct run runs[500];
	unsigned int i, round;
	uint64_t r = 1;

	(void)state;
	for (round = 0; round < 200; round++) {
		const uint64_t from = rnd_below(&r, nr_blocks - 1000), within = 1 + rnd_below(&r, nr_blocks - from);

		memset(bits, 0, sizeof(bits));
		for (i = 0; i < 500; i++) {
			runs[i].first = from + rnd_below(&r, within);
			runs[i].len = rnd_below(&r, 10) ? 1 : 1 + rnd_below(&r, nr_blocks - runs[i].first);
			if (runs[i].len > 300)
				runs[i].len = 1;
		}
		/* Sometimes, the first run covers whole leaves.  Later runs are within these leaves. */
		if (!rnd_below(&r, 4)) {
			runs[0].first = 0;
			runs[0].len = nr_blocks;
		}
		for (i = 0; i < 500; i++)
			bits_set(bits, runs[i].first, runs[i].len);
		assert_int_equal(overlay_add_all(&o, 7, runs, 500), 0);
		memset(got, 0, sizeof(got));
		overlay_collect(&o, 7, 0, nr_blocks, got);
		assert_memory_equal(got, bits, sizeof(bits));
		overlay_destroy(&o, &pool);
	}
	nodes_free(&pool);
}

/*
 * Adds a run to an empty overlay.  Returns how many nodes this has taken.  *needs receives how many
 * nodes the overlay requires to be in the pool before it adds a run.
 */
static size_t nodes_taken(uint64_t nr_blocks, uint64_t first, uint64_t len, size_t *needs)
{
	struct nodes pool = { 0 };
	struct overlay o = { .nr_blocks = nr_blocks, .pool = &pool };
	const struct run run = { first, len };
	size_t taken;

	*needs = overlay_needs(&o);
	assert_int_equal(nodes_fill(&pool, *needs - 1), 0);
	assert_int_equal(overlay_add(&o, 1, &run, 1), 0);
	assert_int_equal(overlay_bytes(&o), 0);
	assert_int_equal(nodes_fill(&pool, *needs), 0);
	assert_int_equal(overlay_add(&o, 1, &run, 1), 1);
	assert_int_equal(overlay_find(&o, 0, nr_blocks), first);
	taken = *needs - pool.nr;
	assert_int_equal(overlay_bytes(&o), taken * NODE_BYTES);
	overlay_destroy(&o, &pool);
	assert_int_equal(pool.nr, *needs);
	nodes_free(&pool);
	return taken;
}

/*
 * Tests the largest device, and each size at which the tree gets another level, with one block less
 * and with one block more.
 */
static void test_a_run_takes_as_many_nodes_as_is_said(void **state)
{
	uint64_t r = 1, nr;
	unsigned int i, k;
	size_t needs, taken;

	(void)state;
	assert_int_equal(nodes_taken(1ULL << 52, 1, (1ULL << 52) - 2, &needs), 12);
	assert_int_equal(needs, 12);
	for (i = 0; i < 5; i++) {
		for (k = 0; k < 2; k++) {
			nr = (1ULL << (BITSET_LEAF_SHIFT + 9 * i)) + k;
			taken = nodes_taken(nr, 1, nr - 2, &needs);
			assert_int_equal(needs, 2 * (i + 1 + k));
			assert_in_range(taken, k ? 2 : needs, needs);
		}
		for (k = 0; k < 200; k++) {
			const uint64_t first = rnd_below(&r, nr), len = 1 + rnd_below(&r, nr - first);

			taken = nodes_taken(nr, first, len, &needs);
			assert_in_range(taken, 1, needs);
		}
	}
}

static void test_nodes_of_a_set_with_all_leaves(void **state)
{
	static const uint64_t sizes[] = { 1, 32768, 32769, 1 << 24, (1 << 24) + 1, 12345678 };
	struct bitset b;
	unsigned int i;
	uint64_t at;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		bitset_init(&b, sizes[i]);
		for (at = 0; at < sizes[i]; at += 1 << BITSET_LEAF_SHIFT)
			assert_int_equal(bitset_set(&b, at, 1), 0);
		assert_int_equal(b.nodes, bitset_most(sizes[i]));
		bitset_destroy(&b);
	}
}

/* Moves some or all nodes between pools, and checks that none is lost. */
static void test_nodes(void **state)
{
	struct nodes a = { 0 }, b = { 0 };
	uint64_t r = 1;
	unsigned int i;

	(void)state;
	assert_null(nodes_take(&a));
	assert_int_equal(nodes_fill(&a, 10), 0);
	for (i = 0; i < 1000; i++) {
		const bool back = rnd_below(&r, 2);
		const size_t had = back ? b.nr : a.nr, nr = rnd_below(&r, 13);
		char *node;

		nodes_move(back ? &a : &b, back ? &b : &a, nr);
		assert_int_equal(back ? b.nr : a.nr, nr < had ? had - nr : 0);
		assert_int_equal(a.nr + b.nr, 10);
		node = nodes_take(&a);
		if (!node)
			continue;
		assert_true(!node[0] && !memcmp(node, node + 1, NODE_BYTES - 1));
		memset(node, 0xff, NODE_BYTES);
		nodes_put(&b, node);
	}
	nodes_move(&a, &b, SIZE_MAX);
	assert_int_equal(a.nr, 10);
	assert_null(b.first);
	assert_null(b.last);
	nodes_free(&a);
	assert_null(a.last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_after_runs),
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_overlay),
		cmocka_unit_test(test_overlay_of_many_runs),
		cmocka_unit_test(test_a_run_takes_as_many_nodes_as_is_said),
		cmocka_unit_test(test_nodes_of_a_set_with_all_leaves),
		cmocka_unit_test(test_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
