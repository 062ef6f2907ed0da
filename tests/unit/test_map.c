// SPDX-License-Identifier: GPL-2.0-or-later
/* The grid of a map, for blocks at the end of the volume and beyond it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/map.h"

#define BLOCK_SECTORS	128
#define NR_BLOCKS	10

static struct map map;

static int set_up(void **state)
{
	(void)state;
	map = (struct map){
		.name = "data",
		.since = 1,
		.columns = 10,
		.rows = 1,
		.info = {
			.era = 5,
			.nr_blocks = NR_BLOCKS,
			.block_sectors = BLOCK_SECTORS,
			.nr_sectors = NR_BLOCKS * BLOCK_SECTORS,
		},
	};
	return map_init(&map);
}

static int tear_down(void **state)
{
	(void)state;
	map_free(&map);
	return 0;
}

/* If a volume grows while its map is made, the array contains blocks that are not in the map. */
static void test_blocks_that_the_volume_has_gained_are_not_added(void **state)
{
	(void)state;
	map_add(&map, 8, 100, 5);
	map_add(&map, NR_BLOCKS, 1, 5);
	map_add(&map, 5000, 1000, 5);
	assert_int_equal(map.cell[7].era, 0);
	assert_int_equal(map.cell[8].era, 5);
	assert_int_equal(map.cell[9].era, 5);
	assert_int_equal(map.bytes[0], 2 * BLOCK_SECTORS * 512);
}

/* If an era begins while a map is made, some blocks may be in this newer era. */
static void test_a_newer_era_counts_as_the_current_one(void **state)
{
	(void)state;
	map_add(&map, 0, 1, 6);
	assert_int_equal(map.cell[0].era, 5);
	assert_int_equal(map.bytes[0], BLOCK_SECTORS * 512);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_blocks_that_the_volume_has_gained_are_not_added, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_newer_era_counts_as_the_current_one, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
