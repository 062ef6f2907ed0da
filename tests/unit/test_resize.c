// SPDX-License-Identifier: GPL-2.0-or-later
/* Resizes of a store: room for more blocks, and the eras of the new blocks. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/build.h"
#include "volume.h"

/*
 * A smaller device needs no more room.  A larger device needs no more room if its new blocks fit
 * into the last page of the array.
 */
static void test_make_room(void **state)
{
	const uint64_t most = 2 * ERAD_ERAS_PER_PAGE * 8;
	struct store_info info;
	struct err err = { "" };
	struct store *s;
	uint8_t *before;
	struct disk d;

	(void)state;
	format(&d);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_begin_era(s, 1, NULL), 0);
	assert_int_equal(mark(s, 0, NR_BLOCKS), 0);
	before = malloc(d.size);
	memcpy(before, d.visible, d.size);
	assert_int_equal(store_make_room(s, 8, NULL), 0);
	assert_int_equal(store_make_room(s, most, NULL), 0);
	assert_int_equal(store_make_room(s, 0, NULL), -EINVAL);
	assert_int_equal(store_make_room(s, most + 1, &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "disk has 156 KiB, but the metadata of a volume of 7.8 MiB (8126976 bytes) needs at least 164 KiB"));
	assert_memory_equal(before, d.visible, d.size);
	assert_int_equal(store_resize(s, most + 1, NULL), -ENOSPC);
	store_info(s, &info);
	assert_int_equal(info.nr_sectors, geometry.nr_sectors);
	assert_int_equal(diff_blocks(s, 1), NR_BLOCKS);
	assert_int_equal(store_resize(s, most, NULL), 0);
	assert_int_equal(diff_blocks(s, 1), most / 8);
	store_close(s, false, NULL);
	s = open_store(&d, STORE_READ);
	assert_int_equal(store_make_room(s, 8, NULL), -EROFS);
	store_close(s, false, NULL);
	free(before);
	disk_destroy(&d);
}

/* Checks that exactly the new blocks are in the current era, also after another open. */
static void assert_gained(struct disk *d, struct store *s, uint64_t nr, uint32_t era)
{
	assert_int_equal(diff_blocks(s, era), nr);
	assert_int_equal(diff_blocks(s, 1), nr + 1);
	store_close(s, false, NULL);
	s = open_store(d, STORE_READ);
	assert_int_equal(diff_blocks(s, era), nr);
	assert_int_equal(diff_blocks(s, 1), nr + 1);
	store_close(s, true, NULL);
}

static void test_blocks_that_a_volume_gains_are_of_the_current_era(void **state)
{
	struct store *s;
	struct disk d;

	(void)state;
	format(&d);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_begin_era(s, 1, NULL), 0);
	assert_int_equal(mark(s, 0, 1), 0);
	assert_int_equal(store_resize(s, 8 * 10, NULL), 0);
	assert_int_equal(diff_blocks(s, 1), 1);
	assert_int_equal(store_begin_era(s, 2, NULL), 0);
	assert_int_equal(store_resize(s, 8 * 1000, NULL), 0);
	assert_gained(&d, s, 990, 2);

	/* Makes the volume smaller, and then as large as before. */
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_resize(s, 8, NULL), 0);
	assert_int_equal(store_begin_era(s, 3, NULL), 0);
	assert_int_equal(store_resize(s, 8 * 1000, NULL), 0);
	assert_gained(&d, s, 999, 3);
	disk_destroy(&d);
}

static void test_a_last_block_that_grows_is_of_the_current_era(void **state)
{
	struct store_info info;
	struct store *s;
	struct disk d;

	(void)state;
	format(&d);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_begin_era(s, 1, NULL), 0);
	assert_int_equal(store_resize(s, 8 * 9 + 3, NULL), 0);
	assert_int_equal(mark(s, 5, 1), 0);
	assert_int_equal(store_begin_snapshot(s, 2, true, NULL), 0);
	assert_int_equal(store_fold(s, NULL), 0);
	assert_int_equal(diff_blocks(s, 1), 1);
	assert_int_equal(store_resize(s, 8 * 10, NULL), 0);
	store_info(s, &info);
	assert_int_equal(info.nr_blocks, 10);
	assert_int_equal(snapshot_blocks(s, 1), 1);
	assert_gained(&d, s, 1, 2);
	disk_destroy(&d);
}

/*
 * Restores an older and smaller dump over the metadata.  The copies of the snapshot of the former
 * metadata are still on the disk, beyond the end of the restored metadata.  After a growth, the old
 * copies must not be confused with copies of a new snapshot in the same era.
 */
static void test_copies_from_former_metadata_are_not_read_after_a_growth(void **state)
{
	struct store_geometry small = geometry;
	struct engine *e;
	struct build *b;
	struct store *s;
	struct disk d;

	(void)state;
	format(&d);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_begin_era(s, 4, NULL), 0);
	assert_int_equal(store_begin_snapshot(s, 6, true, NULL), 0);
	assert_int_equal(store_fold(s, NULL), 0);
	assert_int_equal(mark(s, 1200, 1), 0);
	assert_int_equal(store_fold(s, NULL), 0);
	store_close(s, true, NULL);

	small.nr_sectors = 8 * 900;
	e = disk_engine(&d);
	assert_int_equal(build_begin(e, &small, 3, &b, NULL), 0);
	assert_int_equal(build_end(b, NULL), 0);
	engine_destroy(e);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_begin_era(s, 4, NULL), 0);
	assert_int_equal(store_resize(s, geometry.nr_sectors, NULL), 0);
	assert_int_equal(diff_blocks(s, 4), NR_BLOCKS - 900);
	assert_int_equal(store_begin_snapshot(s, 6, true, NULL), 0);
	assert_int_equal(store_fold(s, NULL), 0);
	assert_int_equal(mark(s, 1200, 1), 0);
	assert_int_equal(store_fold(s, NULL), 0);
	assert_int_equal(snapshot_blocks(s, 4), NR_BLOCKS - 900);
	store_close(s, true, NULL);
	disk_destroy(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make_room),
		cmocka_unit_test(test_blocks_that_a_volume_gains_are_of_the_current_era),
		cmocka_unit_test(test_a_last_block_that_grows_is_of_the_current_era),
		cmocka_unit_test(test_copies_from_former_metadata_are_not_read_after_a_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
