// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The times at which eras began: they survive a close, a fold, a crash and a snapshot, and a repair
 * invents no times.
 */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "store/repair.h"
#include "store/super.h"
#include "volume.h"

static time_t now;

/* Replaces the C library's clock: the test sets the time. */
time_t time(time_t *t)
{
	if (t)
		*t = now;
	return now;
}

static void has_times(struct store *s, uint32_t era, uint64_t begun, uint64_t checkpoint)
{
	struct store_info info;

	store_info(s, &info);
	assert_int_equal(info.era, era);
	assert_int_equal(info.era_time, begun);
	assert_int_equal(info.checkpoint_time, checkpoint);
}

/* Returns a store of new metadata: era 1 began at 100, era 2 at 200 with a checkpoint, and era 3 at 300. */
static struct store *three_eras(struct disk *d)
{
	struct store *s;

	format(d);
	s = open_store(d, STORE_WRITE);
	has_times(s, 0, 0, 0);
	now = 100;
	assert_int_equal(store_begin_era(s, 1, NULL), 0);
	has_times(s, 1, 100, 0);
	now = 200;
	assert_int_equal(store_checkpoint(s, 2, NULL), 0);
	has_times(s, 2, 200, 200);
	now = 300;
	assert_int_equal(store_begin_era(s, 3, NULL), 0);
	assert_int_equal(mark(s, 20, 5), 0);
	has_times(s, 3, 300, 200);
	return s;
}

static void test_a_replayed_journal_has_the_times(void **state)
{
	struct store *s;
	struct disk d;

	(void)state;
	s = three_eras(&d);
	store_close(s, false, NULL);
	now = 900;
	s = open_store(&d, STORE_READ);
	has_times(s, 3, 300, 200);
	store_close(s, false, NULL);
	disk_destroy(&d);
}

static void test_a_fold_keeps_the_times(void **state)
{
	struct store *s;
	struct disk d;

	(void)state;
	s = three_eras(&d);
	assert_int_equal(store_close(s, true, NULL), 0);
	s = open_store(&d, STORE_WRITE);
	has_times(s, 3, 300, 200);
	/* Era 4 is in the journal, and the checkpoint before it is in the superblock. */
	now = 400;
	assert_int_equal(store_begin_era(s, 4, NULL), 0);
	store_close(s, false, NULL);
	s = open_store(&d, STORE_WRITE);
	has_times(s, 4, 400, 200);
	now = 500;
	assert_int_equal(store_checkpoint(s, 5, NULL), 0);
	assert_int_equal(store_fold(s, NULL), 0);
	store_close(s, false, NULL);
	s = open_store(&d, STORE_READ);
	has_times(s, 5, 500, 500);
	store_close(s, false, NULL);
	disk_destroy(&d);
}

/*
 * The fold that makes the snapshot moves the tail of the journal to the page in which the new era
 * begins, but not further.
 */
static void test_a_snapshot_keeps_the_times(void **state)
{
	struct erad_disk_super sb;
	struct engine *e;
	struct store *s;
	struct disk d;

	(void)state;
	s = three_eras(&d);
	now = 400;
	assert_int_equal(store_begin_snapshot(s, 4, false, NULL), 0);
	assert_int_equal(store_fold(s, NULL), 0);
	has_times(s, 4, 400, 200);
	assert_int_equal(store_drop_snapshot(s, NULL), 0);
	/* This snapshot is a lasting one, so it counts as a checkpoint. */
	now = 500;
	assert_int_equal(store_begin_snapshot(s, 5, true, NULL), 0);
	has_times(s, 5, 500, 500);
	store_close(s, false, NULL);
	s = open_store(&d, STORE_WRITE);
	has_times(s, 5, 500, 500);
	store_close(s, false, NULL);
	e = disk_engine(&d);
	assert_int_equal(super_read(e, &sb, NULL), 0);
	engine_destroy(e);
	assert_int_equal(le64toh(sb.era_time), le32toh(sb.era) * 100);
	disk_destroy(&d);
}

static void say_nothing(void *ctx, const char *what)
{
	(void)ctx;
	(void)what;
}

/*
 * Era 4 was in the journal only, and its page is lost.  So the time of era 4 is not known.  The
 * repair must not report the time of era 3 instead.
 */
static void test_a_repair_invents_no_time(void **state)
{
	static const uint8_t new_uuid[16] = { 9 };
	struct store_info info;
	struct store_repaired done;
	struct erad_disk_super sb;
	struct engine *e;
	struct store *s;
	struct disk d;

	(void)state;
	s = three_eras(&d);
	assert_int_equal(store_fold(s, NULL), 0);
	now = 400;
	assert_int_equal(store_begin_era(s, 4, NULL), 0);
	assert_int_equal(mark(s, 1, 1), 0);
	assert_int_equal(mark(s, 2, 1), 0);
	store_close(s, false, NULL);
	e = disk_engine(&d);
	assert_int_equal(super_read(e, &sb, NULL), 0);
	engine_destroy(e);
	memset(d.visible + (le64toh(sb.journal_start) + le64toh(sb.journal_tail) % le64toh(sb.journal_pages)) * ERAD_PAGE,
	       0, ERAD_PAGE);
	assert_int_equal(store_repair(disk_engine(&d), new_uuid, say_nothing, NULL, &done, &info, NULL), 0);
	s = open_store(&d, STORE_READ);
	has_times(s, 4, 0, 200);
	store_close(s, false, NULL);
	disk_destroy(&d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_replayed_journal_has_the_times),
		cmocka_unit_test(test_a_fold_keeps_the_times),
		cmocka_unit_test(test_a_snapshot_keeps_the_times),
		cmocka_unit_test(test_a_repair_invents_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
