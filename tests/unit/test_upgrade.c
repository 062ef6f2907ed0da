// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Metadata of an old version, without a history: the current version reads it, and upgrades it at
 * its first open for writing.
 */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rnd.h"
#include "store/crc32c.h"
#include "store/history.h"
#include "store/journal.h"
#include "store/moment.h"
#include "store/repair.h"
#include "volume.h"

#define OLD_RING	40u

/*
 * Makes metadata as the version without a history would leave it: the ring begins at page 3, and
 * the journal contains marks.
 */
static void make_old(struct disk *d, unsigned int ring)
{
	const uint32_t pages = ERAD_JOURNAL_START - ERAD_JOURNAL_START_OLD;
	struct store_geometry g = geometry;
	struct erad_disk_super *sb;
	struct engine *e;
	uint64_t i;

	g.journal_pages = ring > ERAD_JOURNAL_MIN + pages ? ring - pages : ERAD_JOURNAL_MIN;
	disk_init(d, store_size(&g, NULL));
	e = disk_engine(d);
	assert_int_equal(store_format(e, &g, NULL, NULL, NULL), 0);
	for (i = 0; i < 2; i++) {
		sb = (struct erad_disk_super *)(d->visible + i * ERAD_PAGE);
		sb->incompat = 0;
		sb->journal_start = htole64(ERAD_JOURNAL_START_OLD);
		sb->journal_pages = htole64(g.journal_pages + pages);
		if (ring < ERAD_JOURNAL_MIN + pages) {
			sb->journal_pages = htole64(ring);
			sb->array_start = htole64(ERAD_JOURNAL_START_OLD + ring);
		}
		sb->csum = htole32(crc32c(0, (char *)sb + 4, sizeof(*sb) - 4));
	}
	engine_destroy(e);
	memcpy(d->durable, d->visible, d->size);
	d->nr_cached = 0;
}

/*
 * Appends a group as the old version would.  The store of this version cannot be used, because it
 * upgrades the metadata at the open.
 */
static void append_old(struct disk *d, unsigned int ring, uint64_t seq, uint32_t era, uint64_t first)
{
	static _Alignas(ERAD_PAGE) struct erad_disk_journal group[ERAD_GROUP_MAX];
	const struct run run = { .first = first, .len = 3 };
	struct journal j = {
		.e = disk_engine(d), .start = ERAD_JOURNAL_START_OLD, .pages = ring, .nr_blocks = NR_BLOCKS,
	};
	unsigned int count;

	memcpy(j.uuid, geometry.uuid, sizeof(j.uuid));
	count = journal_encode(group, &run, first != UINT64_MAX);
	journal_number(&j, group, count, seq, era, first == UINT64_MAX ? ERAD_J_ERA_BEGIN : ERAD_J_MARK);
	assert_int_equal(journal_write(&j, group, count, seq, false), 0);
	assert_int_equal(j.e->ops->flush(j.e), 0);
	engine_destroy(j.e);
}

static void fill_old(struct disk *d)
{
	uint64_t seq;

	make_old(d, OLD_RING);
	append_old(d, OLD_RING, 0, 1, UINT64_MAX);
	for (seq = 1; seq < 30; seq++)
		append_old(d, OLD_RING, seq, 1, seq * 10);
	append_old(d, OLD_RING, 30, 2, UINT64_MAX);
	append_old(d, OLD_RING, 31, 2, 1000);
}

static void expect_old(struct store *s)
{
	struct store_info info;

	store_info(s, &info);
	assert_int_equal(info.era, 2);
	assert_int_equal(diff_blocks(s, 1), 30 * 3);
	assert_int_equal(diff_blocks(s, 2), 3);
}

static void test_old_metadata_is_read_and_upgraded_with_a_full_journal(void **state)
{
	struct store_gap gap[ERAD_GAPS];
	struct store_info info;
	struct store *s;
	struct disk d;

	(void)state;
	fill_old(&d);
	assert_int_equal(check(&d, NULL), 0);
	s = open_store(&d, STORE_READ);
	expect_old(s);
	assert_int_equal(store_gaps(s, gap), 0);
	store_close(s, false, NULL);
	assert_int_equal(d.nr_cached, 0);

	s = open_store(&d, STORE_WRITE);
	expect_old(s);
	store_info(s, &info);
	assert_int_equal(info.journal_pages, OLD_RING - 2 * ERAD_HISTORY_PAGES);
	assert_int_equal(info.journal_used, 0);
	assert_int_equal(store_gap(s, ERAD_GAP_CLOSED, "", NULL), 0);
	assert_int_equal(store_new_timeline(s, 4, NULL, NULL), 0);
	assert_int_equal(store_begin_era(s, 3, NULL), 0);
	assert_int_equal(mark(s, 7, 2), 0);
	store_close(s, false, NULL);
	assert_int_equal(check(&d, NULL), 0);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(diff_blocks(s, 3), 2);
	assert_int_equal(diff_blocks(s, 2), NR_BLOCKS);
	assert_int_equal(store_moment(s, 4, 3), MOMENT_KNOWN);
	assert_int_equal(store_moment(s, 4, 2), MOMENT_OTHER_ERA);
	assert_int_equal(store_moment(s, 5, 2), MOMENT_TOO_OLD);
	assert_int_equal(store_close(s, true, NULL), 0);
	disk_destroy(&d);
}

static void test_old_metadata_without_room_is_only_read(void **state)
{
	struct err err = { "" };
	struct store *s;
	uint8_t *before;
	struct disk d;

	(void)state;
	make_old(&d, 31);
	append_old(&d, 31, 0, 1, UINT64_MAX);
	append_old(&d, 31, 1, 1, 4);
	before = malloc(d.size);
	memcpy(before, d.visible, d.size);
	assert_int_equal(store_open(disk_engine(&d), STORE_WRITE, &s, &err), -EOVERFLOW);
	assert_non_null(strstr(err.msg, "a journal of 31 pages, expected at least 32"));
	assert_memory_equal(before, d.visible, d.size);
	free(before);
	s = open_store(&d, STORE_READ);
	assert_int_equal(diff_blocks(s, 1), 3);
	store_close(s, false, NULL);
	disk_destroy(&d);
}

/*
 * A repair ends with an open for writing.  So if this open would refuse the metadata, the repair
 * must not change it.
 */
static void test_a_repair_changes_nothing_of_metadata_that_can_only_be_read(void **state)
{
	static const uint8_t uuid[16] = { 9 };
	struct erad_disk_super *sb;
	struct store_repaired done;
	struct store_info info;
	struct err err = { "" };
	uint8_t *before;
	struct disk d;
	int i, k;

	(void)state;
	for (k = 0; k < 2; k++) {
		make_old(&d, k ? OLD_RING : 31);
		for (i = 0; i < 2 && k; i++) {
			sb = (struct erad_disk_super *)(d.visible + i * ERAD_PAGE);
			sb->ro_compat = htole64(1);
			sb->csum = htole32(crc32c(0, (char *)sb + 4, sizeof(*sb) - 4));
		}
		sb = (struct erad_disk_super *)d.visible;
		memset(d.visible + le64toh(sb->array_start) * ERAD_PAGE, 0xa5, ERAD_SECTOR);
		before = malloc(d.size);
		memcpy(before, d.visible, d.size);
		assert_int_equal(store_repair(disk_engine(&d), uuid, complain, &i, &done, &info, &err),
				 k ? -EOPNOTSUPP : -EOVERFLOW);
		assert_memory_equal(before, d.visible, d.size);
		free(before);
		disk_destroy(&d);
	}
}

struct upgrade {
	struct disk *d;
	unsigned int states;
	uint64_t rnd;
};

/*
 * Checks a state that a power failure during an upgrade may leave: nothing is lost, and the next
 * open for writing completes the upgrade.
 */
static int check_cut(void *ctx, uint8_t *image)
{
	struct upgrade *u = ctx;
	struct disk d;
	struct store *s;

	u->states++;
	disk_init_copy(&d, image, u->d->size);
	s = open_store(&d, STORE_READ);
	expect_old(s);
	store_close(s, false, NULL);
	s = open_store(&d, STORE_WRITE);
	expect_old(s);
	assert_int_equal(store_gap(s, ERAD_GAP_TABLE, "", NULL), 0);
	assert_int_equal(store_begin_era(s, 3, NULL), 0);
	assert_int_equal(mark(s, 7, 2), 0);
	store_close(s, false, NULL);
	/* Remove one of the two superblocks: the metadata is then read in full, or refused. */
	memset(d.visible + rnd_below(&u->rnd, 2) * ERAD_PAGE, 0, ERAD_PAGE);
	if (!try_open(&d, STORE_READ, &s)) {
		struct store_info info;

		store_info(s, &info);
		assert_int_equal(info.era, 3);
		assert_int_equal(diff_blocks(s, 3), 2);
		store_close(s, false, NULL);
	}
	disk_destroy(&d);
	return 0;
}

static void upgrade_hook(struct disk *d, enum disk_op op, bool after, void *ctx)
{
	struct upgrade *u = ctx;

	if (op == DISK_FLUSH && !after)
		disk_crash(d, 40, rnd(&u->rnd), check_cut, u);
}

static void test_a_power_cut_in_an_upgrade_loses_nothing(void **state)
{
	struct upgrade u = { .rnd = 5 };
	struct store *s;
	struct disk d;

	(void)state;
	fill_old(&d);
	d.tear_below = ERAD_JOURNAL_START * ERAD_PAGE / ERAD_SECTOR;
	u.d = &d;
	d.hook = upgrade_hook;
	d.hook_ctx = &u;
	s = open_store(&d, STORE_WRITE);
	d.hook = NULL;
	store_close(s, false, NULL);
	assert_true(u.states > 20);
	disk_destroy(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_old_metadata_is_read_and_upgraded_with_a_full_journal),
		cmocka_unit_test(test_old_metadata_without_room_is_only_read),
		cmocka_unit_test(test_a_repair_changes_nothing_of_metadata_that_can_only_be_read),
		cmocka_unit_test(test_a_power_cut_in_an_upgrade_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
