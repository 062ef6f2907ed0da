// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests the degrade record and the floor.  After writes have passed unrecorded, a diff contains the
 * blocks of all these writes.  If no step fails, every block counts as written in one era only.
 */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/crc32c.h"
#include "store/repair.h"
#include "degraded_volume.h"

static int add_run(void *ctx, uint64_t first, uint64_t len, uint32_t era)
{
	uint32_t *eras = ctx;

	while (len--)
		eras[first++] = era;
	return 0;
}

static void test_a_file_has_no_place_for_a_record(void **state)
{
	uint8_t content[ERAD_SECTOR];
	struct engine *e;
	uint64_t sector;
	struct store *s;
	struct disk d;

	(void)state;
	format(&d);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_degrade_record(s, &sector, content), -EINVAL);
	store_close(s, true, NULL);
	e = disk_engine(&d);
	e->block_device = false;
	assert_int_equal(store_open(e, STORE_WRITE, &s, NULL), 0);
	assert_int_equal(store_begin_era(s, 1, NULL), 0);
	assert_int_equal(store_degrade_record(s, &sector, content), -ENOTSUP);
	/*
	 * The floor can be set, and the degraded state can end, although the target has received no
	 * record.
	 */
	set_floor_and_begin(s, 2);
	assert_int_equal(store_clear_degraded(s, NULL), 0);
	assert_int_equal(diff_blocks(s, 1), NR_BLOCKS);
	assert_int_equal(diff_blocks(s, 2), 0);
	store_close(s, true, NULL);
	disk_destroy(&d);
}

static void test_readers_of_a_record_report_every_block(void **state)
{
	uint32_t eras[NR_BLOCKS];
	enum store_mode mode;
	struct store *s;
	struct disk d;
	uint64_t b;

	(void)state;
	for (mode = STORE_READ; mode <= STORE_WRITE; mode++) {
		fill_degraded(&d);
		assert_info(&d, 3, 3, true);
		s = open_store(&d, mode);
		assert_true(store_degraded(s));
		assert_int_equal(diff_blocks(s, 1), NR_BLOCKS);
		assert_int_equal(diff_blocks(s, 3), NR_BLOCKS);
		memset(eras, 0, sizeof(eras));
		assert_int_equal(store_eras(s, STORE_NOW, add_run, eras, NULL, NULL), 0);
		for (b = 0; b < NR_BLOCKS; b++)
			assert_int_equal(eras[b], 3);
		if (mode == STORE_READ) {
			assert_int_equal(store_set_floor(s, NULL), -EROFS);
			assert_int_equal(store_clear_degraded(s, NULL), -EROFS);
		} else {
			/*
			 * The degrade record is in force, and store_set_floor() has not run: the
			 * target may still let writes pass. So a new era counts every block as
			 * written, too.
			 */
			assert_int_equal(store_begin_era(s, 4, NULL), 0);
			assert_int_equal(diff_blocks(s, 4), NR_BLOCKS);
		}
		store_close(s, true, NULL);
		assert_info(&d, 3 + mode, 3 + mode, true);
		disk_destroy(&d);
	}
}

static void test_the_floor_outlives_the_record(void **state)
{
	uint32_t eras[NR_BLOCKS] = { 0 };
	uint8_t content[ERAD_SECTOR];
	struct store_info info;
	struct store *s;
	struct disk d;
	int i;

	(void)state;
	s = open_degraded(&d);
	come_back(s, content);
	assert_int_equal(d.nr_cached, 0);
	for (i = 0; i < 3; i++) {
		store_info(s, &info);
		assert_false(info.degraded);
		assert_int_equal(info.floor_era, 3);
		assert_int_equal(info.era, 4);
		assert_int_equal(diff_blocks(s, 1), NR_BLOCKS);
		assert_int_equal(diff_blocks(s, 3), NR_BLOCKS);
		assert_int_equal(diff_blocks(s, 4), i);
		assert_int_equal(mark(s, 1000 + 10 * i, 1), 0);
		assert_int_equal(diff_blocks(s, 4), i + 1);
		if (i == 1)
			assert_int_equal(store_fold(s, NULL), 0);
		store_close(s, i == 2, NULL);
		s = open_store(&d, STORE_WRITE);
	}
	assert_int_equal(store_eras(s, STORE_NOW, add_run, eras, NULL, NULL), 0);
	assert_int_equal(eras[0], 3);
	assert_int_equal(eras[20], 3);
	assert_int_equal(eras[1010], 4);
	store_close(s, true, NULL);
	assert_info(&d, 4, 3, false);
	disk_destroy(&d);
}

static void test_it_is_not_cleared_out_of_order(void **state)
{
	uint8_t content[ERAD_SECTOR];
	struct store *s;
	struct err err;
	struct disk d;

	(void)state;
	s = open_degraded(&d);
	given(s, content);
	assert_int_equal(store_clear_degraded(s, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "the floor is not set"));
	set_floor_and_begin(s, 4);
	assert_int_equal(store_clear_degraded(s, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "has not received the next degrade record"));
	assert_true(store_degraded(s));
	given(s, content);
	assert_int_equal(store_clear_degraded(s, NULL), 0);
	assert_int_equal(store_clear_degraded(s, NULL), 0);
	assert_false(store_degraded(s));
	store_close(s, false, NULL);
	assert_info(&d, 4, 3, false);
	disk_destroy(&d);
}

/*
 * The target can have received several records.  Each of them counts as in force, before and after
 * the old record is cleared.
 */
static void test_the_next_record_counts_before_and_after_the_clear(void **state)
{
	uint8_t content[ERAD_SECTOR];
	struct store *s;
	struct disk d;
	int when;

	(void)state;
	for (when = 0; when < 3; when++) {
		s = open_degraded(&d);
		set_floor_and_begin(s, 4);
		given(s, content);
		if (when == 0)
			degrade(&d, content);
		if (when)
			assert_int_equal(store_clear_degraded(s, NULL), 0);
		if (when == 1)
			degrade(&d, content);
		store_close(s, false, NULL);
		if (when == 2) {
			s = open_store(&d, STORE_WRITE);
			given(s, content);
			store_close(s, true, NULL);
			degrade(&d, content);
		}
		assert_info(&d, 4, 4, true);
		s = open_store(&d, STORE_WRITE);
		assert_int_equal(diff_blocks(s, 4), NR_BLOCKS);
		come_back(s, content);
		store_close(s, false, NULL);
		assert_info(&d, 5, 4, false);
		degrade(&d, content);
		assert_info(&d, 5, 5, true);
		disk_destroy(&d);
	}
}

/* The target degrades while a daemon serves it.  So the record is written after the store was opened. */
static void test_a_degrade_after_open_is_known_from_the_target(void **state)
{
	uint8_t content[ERAD_SECTOR];
	struct store *s;
	struct disk d;

	(void)state;
	s = open_served(&d, content);
	degrade(&d, content);
	come_back(s, content);
	assert_int_equal(diff_blocks(s, 3), NR_BLOCKS);
	assert_int_equal(diff_blocks(s, 4), 0);
	/* The target degrades again at once. */
	degrade(&d, content);
	come_back(s, content);
	assert_int_equal(diff_blocks(s, 4), NR_BLOCKS);
	assert_int_equal(diff_blocks(s, 5), 0);
	store_close(s, false, NULL);
	assert_info(&d, 5, 4, false);
	disk_destroy(&d);
}

static void test_a_record_written_after_open_is_found(void **state)
{
	uint8_t content[ERAD_SECTOR], next[ERAD_SECTOR];
	struct store *s;
	struct disk d;

	(void)state;
	s = open_served(&d, content);
	assert_int_equal(store_find_degraded(s, NULL), 0);
	assert_false(store_degraded(s));
	degrade(&d, content);
	assert_false(store_degraded(s));
	assert_int_equal(store_find_degraded(s, NULL), 0);
	assert_true(store_degraded(s));
	assert_int_equal(diff_blocks(s, 3), NR_BLOCKS);
	come_back(s, next);
	assert_int_equal(store_find_degraded(s, NULL), 0);
	/* this record has been taken into account already */
	assert_false(store_degraded(s));
	/* The target degrades again, before the previous record is cleared. */
	degrade(&d, next);
	assert_int_equal(store_find_degraded(s, NULL), 0);
	set_floor_and_begin(s, 5);
	given(s, next);
	assert_int_equal(store_find_degraded(s, NULL), 0);
	assert_int_equal(diff_blocks(s, 5), 0);
	degrade(&d, next);
	assert_int_equal(store_find_degraded(s, NULL), 0);
	assert_int_equal(diff_blocks(s, 5), NR_BLOCKS);
	assert_int_equal(store_clear_degraded(s, NULL), -EINVAL);
	come_back(s, next);
	degrade(&d, next);
	assert_int_equal(store_find_degraded(s, NULL), 0);
	assert_true(store_degraded(s));
	memset(RECORD(&d), 0x11, ERAD_SECTOR);
	come_back(s, content);
	assert_int_equal(store_find_degraded(s, NULL), 0);
	assert_true(store_degraded(s));		/* a damaged sector may have been a record */
	store_close(s, false, NULL);
	disk_destroy(&d);
}

/* A reader that reads the disk while a repair runs. */
struct racer {
	struct store *s;
	unsigned int reads;
};

static void mend_meanwhile(struct disk *d, enum disk_op op, bool after, void *ctx)
{
	struct racer *r = ctx;

	if (op != DISK_READ || !after || r->reads++)
		return;
	d->hook = NULL;
	assert_int_equal(store_set_floor(r->s, NULL), 0);
}

static void test_a_record_damaged_after_open_is_mended_before_the_next_open(void **state)
{
	uint8_t content[ERAD_SECTOR];
	struct racer racer;
	struct store *s;
	struct disk d;

	(void)state;
	make_volume(&d);
	s = open_store(&d, STORE_WRITE);
	given(s, content);
	memset(RECORD(&d), 0x11, ERAD_SECTOR);
	assert_int_equal(store_find_degraded(s, NULL), 0);
	assert_true(store_degraded(s));
	come_back(s, content);
	store_close(s, false, NULL);
	assert_info(&d, 4, 3, false);
	s = open_store(&d, STORE_WRITE);
	assert_false(store_degraded(s));
	assert_int_equal(diff_blocks(s, 4), 0);

	/*
	 * The reader finds the damage before the repair, and reports the damage after the repair.
	 */
	given(s, content);
	memset(RECORD(&d), 0x11, ERAD_SECTOR);
	assert_int_equal(store_find_degraded(s, NULL), 0);
	racer = (struct racer){ .s = s };
	d.hook_ctx = &racer;
	d.hook = mend_meanwhile;
	assert_int_equal(store_find_degraded(s, NULL), 0);
	assert_int_equal(store_begin_era(s, 5, NULL), 0);
	given(s, content);
	assert_int_equal(store_clear_degraded(s, NULL), 0);

	/* Damage that happens after the repair is found, too. */
	memset(RECORD(&d), 0x11, ERAD_SECTOR);
	assert_int_equal(store_find_degraded(s, NULL), 0);
	assert_true(store_degraded(s));
	store_close(s, false, NULL);
	disk_destroy(&d);
}

static void test_a_record_of_a_newer_era_begins_it(void **state)
{
	uint8_t content[ERAD_SECTOR];
	struct store *s;
	struct disk d;

	(void)state;
	make_volume(&d);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_begin_era(s, 9, NULL), 0);
	given(s, content);
	store_close(s, false, NULL);
	disk_destroy(&d);

	make_volume(&d);
	degrade(&d, content);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_set_floor(s, NULL), 0);
	store_close(s, false, NULL);
	assert_info(&d, 9, 9, true);
	disk_destroy(&d);
}

/* The sector of the record contains a torn record, other data, or a record of another volume. */
static void test_a_damaged_record_counts(void **state)
{
	struct erad_disk_degrade *r;
	uint8_t content[ERAD_SECTOR];
	struct store_info info;
	unsigned int i;
	struct store *s;
	struct disk d;

	(void)state;
	for (i = 0; i <= ERAD_SECTOR; i++) {
		fill_degraded(&d);
		if (i < ERAD_SECTOR) {
			RECORD(&d)[i] ^= 0x40;
		} else {
			r = (void *)RECORD(&d);
			r->uuid[3] = 7;
			r->csum = htole32(crc32c(0, (char *)r + 4, sizeof(*r) - 4));
		}
		assert_int_equal(check(&d, &info), 1);
		assert_true(info.degraded);
		s = open_store(&d, STORE_READ);
		assert_int_equal(diff_blocks(s, 3), NR_BLOCKS);
		store_close(s, false, NULL);
		/* An open for writing writes a new record to this sector. */
		s = open_store(&d, STORE_WRITE);
		assert_int_equal(d.nr_cached, 0);
		store_close(s, false, NULL);
		assert_info(&d, 3, 3, true);
		s = open_store(&d, STORE_WRITE);
		come_back(s, content);
		store_close(s, true, NULL);
		assert_info(&d, 4, 3, false);
		disk_destroy(&d);
	}
}

static void test_an_unreadable_record_is_refused(void **state)
{
	struct store *s;
	struct disk d;

	(void)state;
	make_volume(&d);
	d.bad_from = ERAD_DEGRADE * ERAD_PAGE;
	d.bad_to = d.bad_from + 1;
	assert_int_equal(try_open(&d, STORE_READ, &s), -EIO);
	assert_int_equal(try_open(&d, STORE_WRITE, &s), -EIO);
	assert_int_equal(check(&d, NULL), 1);
	disk_destroy(&d);
}

static void test_a_snapshot_has_the_floor_of_its_time(void **state)
{
	uint8_t content[ERAD_SECTOR];
	struct store *s;
	struct disk d;

	(void)state;
	make_volume(&d);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_begin_snapshot(s, 4, true, NULL), 0);
	assert_int_equal(store_fold(s, NULL), 0);
	given(s, content);
	store_close(s, false, NULL);
	degrade(&d, content);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(snapshot_blocks(s, 1), 7);
	come_back(s, content);
	assert_int_equal(snapshot_blocks(s, 1), 7);
	assert_int_equal(diff_blocks(s, 4), NR_BLOCKS);
	assert_int_equal(store_drop_snapshot(s, NULL), 0);

	assert_int_equal(store_begin_snapshot(s, 6, true, NULL), 0);
	assert_int_equal(mark(s, 0, 100), 0);
	/*
	 * Raise the floor before the snapshot's fold. The era of this floor is not in the snapshot.
	 */
	assert_int_equal(store_set_floor(s, NULL), 0);
	assert_int_equal(store_fold(s, NULL), 0);
	assert_int_equal(snapshot_blocks(s, 5), NR_BLOCKS);
	store_close(s, true, NULL);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(snapshot_blocks(s, 5), NR_BLOCKS);
	store_close(s, true, NULL);
	disk_destroy(&d);
}

static void test_blocks_that_a_volume_gains_are_not_older_than_the_floor(void **state)
{
	uint8_t content[ERAD_SECTOR];
	struct store *s;
	struct disk d;

	(void)state;
	s = open_degraded(&d);
	come_back(s, content);
	assert_int_equal(store_resize(s, 8 * 700, NULL), 0);
	assert_int_equal(diff_blocks(s, 3), 700);
	assert_int_equal(store_resize(s, 8 * 1400, NULL), 0);
	assert_int_equal(diff_blocks(s, 3), 1400);
	assert_int_equal(diff_blocks(s, 4), 700);
	store_close(s, true, NULL);
	disk_destroy(&d);
}

/*
 * Damages one copy of the superblock at a time: first with the floor set, then with the record in
 * force.
 */
static void test_a_lost_superblock_loses_no_floor(void **state)
{
	uint8_t content[ERAD_SECTOR];
	unsigned int copy;
	struct store *s;
	struct disk d;

	(void)state;
	for (copy = 0; copy < 2; copy++) {
		s = open_degraded(&d);
		come_back(s, content);
		store_close(s, false, NULL);
		d.visible[copy * ERAD_PAGE + 200] ^= 1;
		s = open_store(&d, STORE_READ);
		assert_int_equal(diff_blocks(s, 3), NR_BLOCKS);
		store_close(s, false, NULL);
		disk_destroy(&d);
	}
}

static void keep_complaint(void *ctx, const char *what)
{
	(void)ctx;
	assert_true(what[0]);
}

static void repair_record(struct disk *d, uint32_t era)
{
	static const uint8_t uuid[16] = { 9 };
	struct store_repaired done;
	struct store_info info;
	struct store *s;

	assert_int_equal(store_repair(disk_engine(d), uuid, keep_complaint, NULL, &done, &info, NULL), 0);
	assert_int_equal(done.repairs, 1);
	assert_int_equal(done.over_marked, NR_BLOCKS);
	assert_info(d, era, era, false);
	s = open_store(d, STORE_WRITE);
	assert_int_equal(diff_blocks(s, era), NR_BLOCKS);
	assert_int_equal(store_begin_era(s, era + 1, NULL), 0);
	assert_int_equal(diff_blocks(s, era + 1), 0);
	store_close(s, true, NULL);
}

static void test_repair_makes_a_floor_of_what_is_lost(void **state)
{
	struct erad_disk_super *sb;
	unsigned int i;
	struct disk d;

	(void)state;
	/* First the record is damaged. Then it cannot be read. */
	make_volume(&d);
	RECORD(&d)[100] = 1;
	repair_record(&d, 3);
	disk_destroy(&d);
	make_volume(&d);
	d.bad_from = ERAD_DEGRADE * ERAD_PAGE;
	d.bad_to = d.bad_from + 1;
	repair_record(&d, 3);
	disk_destroy(&d);

	/* Set the floor to an era that has not begun. */
	make_volume(&d);
	for (i = 0; i < 2; i++) {
		sb = (void *)(d.visible + i * ERAD_PAGE);
		sb->floor_era = htole32(7);
		sb->csum = htole32(crc32c(0, (char *)sb + 4, sizeof(*sb) - 4));
	}
	assert_int_equal(check(&d, NULL), 1);
	repair_record(&d, 7);
	disk_destroy(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_file_has_no_place_for_a_record),
		cmocka_unit_test(test_readers_of_a_record_report_every_block),
		cmocka_unit_test(test_the_floor_outlives_the_record),
		cmocka_unit_test(test_it_is_not_cleared_out_of_order),
		cmocka_unit_test(test_the_next_record_counts_before_and_after_the_clear),
		cmocka_unit_test(test_a_degrade_after_open_is_known_from_the_target),
		cmocka_unit_test(test_a_record_written_after_open_is_found),
		cmocka_unit_test(test_a_record_damaged_after_open_is_mended_before_the_next_open),
		cmocka_unit_test(test_a_record_of_a_newer_era_begins_it),
		cmocka_unit_test(test_a_damaged_record_counts),
		cmocka_unit_test(test_an_unreadable_record_is_refused),
		cmocka_unit_test(test_a_snapshot_has_the_floor_of_its_time),
		cmocka_unit_test(test_blocks_that_a_volume_gains_are_not_older_than_the_floor),
		cmocka_unit_test(test_a_lost_superblock_loses_no_floor),
		cmocka_unit_test(test_repair_makes_a_floor_of_what_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
