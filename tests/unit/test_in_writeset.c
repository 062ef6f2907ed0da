// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The function erad_in_writeset() of bpf/erad_bpf.h, for the BPF programs of others.  This file
 * replaces the kernel's helper functions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "erad_bpf.h"

#define WRITESET_ID	17
#define NR_WORDS	2
#define NR_BLOCKS	(NR_WORDS * 64)

static struct erad_map_info info;
static bool has_info;
static struct {
	struct bpf_map map;
	struct erad_map_word word[NR_WORDS];
} writeset;
/* What erad does to the map `info` while the program looks up the word of the block. */
static void (*meanwhile)(void);

void *bpf_map_lookup_elem(void *map, const void *key)
{
	const uint32_t i = *(const uint32_t *)key;

	if (map == &info)
		return has_info && !i ? &info : NULL;
	assert_ptr_equal(map, &writeset);
	if (meanwhile)
		meanwhile();
	return i < NR_WORDS ? &writeset.word[i] : NULL;
}

static int in_writeset(uint64_t block)
{
	return erad_in_writeset(&info, &writeset, block);
}

static int setup(void **state)
{
	(void)state;
	info = (struct erad_map_info){ .seq = 6, .nr_blocks = NR_BLOCKS, .writeset_id = WRITESET_ID, .era = 3 };
	has_info = true;
	writeset.map.id = WRITESET_ID;
	writeset.word[0].blocks = 1ULL << 63;
	writeset.word[1].blocks = 1ULL << 5;
	meanwhile = NULL;
	return 0;
}

static void test_a_block_is_in_the_writeset_if_its_bit_is_set(void **state)
{
	(void)state;
	for (uint64_t block = 0; block < NR_BLOCKS; block++)
		assert_int_equal(in_writeset(block), block == 63 || block == 69);
}

static void test_in_a_coarse_writeset_blocks_share_a_bit(void **state)
{
	(void)state;
	info.shift = 4;
	info.flags = ERAD_MAP_COARSE;
	info.nr_blocks = NR_BLOCKS << 4;
	assert_int_equal(in_writeset(69 << 4), 1);
	assert_int_equal(in_writeset((70 << 4) - 1), 1);
	assert_int_equal(in_writeset(70 << 4), 0);
}

static void test_without_a_current_writeset_the_answer_is_unknown(void **state)
{
	(void)state;
	has_info = false;
	assert_int_equal(in_writeset(69), -1);
	has_info = true;
	info.flags = ERAD_MAP_DEGRADED;
	assert_int_equal(in_writeset(69), -1);
	info.flags = 0;
	info.writeset_id = WRITESET_ID + 1;
	assert_int_equal(in_writeset(69), -1);
	info.writeset_id = WRITESET_ID;
	assert_int_equal(in_writeset(69), 1);
}

static void test_beyond_the_volume_and_the_map_the_answer_is_unknown(void **state)
{
	(void)state;
	assert_int_equal(in_writeset(NR_BLOCKS), -1);
	assert_int_equal(in_writeset(UINT64_MAX), -1);
	info.nr_blocks = NR_BLOCKS + 1;
	assert_int_equal(in_writeset(NR_BLOCKS), -1);
}

static void test_while_erad_changes_the_info_the_answer_is_unknown(void **state)
{
	(void)state;
	info.seq = 7;
	assert_int_equal(in_writeset(69), -1);
	assert_int_equal(in_writeset(70), -1);
	info.seq = 8;
	assert_int_equal(in_writeset(69), 1);
	assert_int_equal(in_writeset(70), 0);
}

static void begin_a_change(void)
{
	info.seq |= 1;
}

static void begin_an_era(void)
{
	info.seq += 2;
	info.era++;
	info.writeset_id++;
}

static void change_another_field(void)
{
	info.seq += 2;
}

static void test_if_erad_changes_the_info_during_the_call_the_answer_is_unknown(void **state)
{
	static void (*const changes[])(void) = { begin_a_change, begin_an_era, change_another_field };

	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		setup(state);
		meanwhile = changes[i];
		assert_int_equal(in_writeset(69), -1);
		setup(state);
		meanwhile = changes[i];
		assert_int_equal(in_writeset(70), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_block_is_in_the_writeset_if_its_bit_is_set, setup),
		cmocka_unit_test_setup(test_in_a_coarse_writeset_blocks_share_a_bit, setup),
		cmocka_unit_test_setup(test_without_a_current_writeset_the_answer_is_unknown, setup),
		cmocka_unit_test_setup(test_beyond_the_volume_and_the_map_the_answer_is_unknown, setup),
		cmocka_unit_test_setup(test_while_erad_changes_the_info_the_answer_is_unknown, setup),
		cmocka_unit_test_setup(test_if_erad_changes_the_info_during_the_call_the_answer_is_unknown, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
