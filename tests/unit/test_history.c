// SPDX-License-Identifier: GPL-2.0-or-later
/* The history: gaps, timelines, bookmarks, seal and items. */
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

#include "common/past_note.h"
#include "history_volume.h"
#include "store/moment.h"
#include "store/state.h"

static void test_a_gap_lists_all_blocks_and_is_kept(void **state)
{
	struct store_gap gap[ERAD_GAPS];
	uint64_t total[ERAD_GAP_KINDS];
	struct store_info info;
	struct store *s;
	struct disk d;

	(void)state;
	make_volume(&d);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(diff_blocks(s, 2), 5);
	assert_int_equal(store_gaps(s, gap), 0);
	assert_int_equal(store_gap(s, ERAD_GAP_CLOSED, "the first MiB", NULL), 0);
	assert_int_equal(d.nr_cached, 0);
	assert_int_equal(diff_blocks(s, 2), NR_BLOCKS);
	assert_int_equal(diff_blocks(s, 3), NR_BLOCKS);
	assert_int_equal(store_begin_era(s, 4, NULL), 0);
	assert_int_equal(diff_blocks(s, 4), 0);
	/* If a gap is found twice in the same era, it is counted once. */
	assert_int_equal(store_begin_era(s, 5, NULL), 0);
	assert_int_equal(store_gap(s, ERAD_GAP_ORIGIN, "a", NULL), 0);
	assert_int_equal(store_gap(s, ERAD_GAP_ORIGIN, "b", NULL), 0);
	store_close(s, false, NULL);

	s = open_store(&d, STORE_READ);
	assert_int_equal(store_gaps(s, gap), 2);
	assert_int_equal(gap[0].kind, ERAD_GAP_CLOSED);
	assert_int_equal(gap[0].era, 3);
	assert_string_equal(gap[0].detail, "the first MiB");
	assert_true(gap[0].time > 1600000000);
	assert_int_equal(gap[1].era, 5);
	assert_string_equal(gap[1].detail, "b");
	store_gap_totals(s, total);
	assert_int_equal(total[ERAD_GAP_CLOSED], 1);
	assert_int_equal(total[ERAD_GAP_ORIGIN], 1);
	store_info(s, &info);
	assert_int_equal(info.gaps, 2);
	assert_int_equal(info.floor_era, 5);
	assert_int_equal(store_gap(s, ERAD_GAP_ORIGIN, "", NULL), -EROFS);
	store_close(s, false, NULL);
	disk_destroy(&d);
}

static void test_the_log_keeps_the_newest_gaps_and_timelines(void **state)
{
	static const char long_text[] = "0123456789012345678901234567890123456789012345678901234567890123456789"
		"01234567890123456789012345678901234567890123456789";
	struct token token = { .timeline = 1000, .era = 1 };
	struct store_gap gap[ERAD_GAPS];
	struct store_info info;
	struct store *s;
	struct err err;
	uint32_t i;
	struct disk d;

	(void)state;
	format(&d);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_timelines_since(s), 0);
	assert_int_equal(store_moment(s, 1000, 1), MOMENT_TOO_OLD);
	store_info(s, &info);
	memcpy(token.uuid, info.uuid, sizeof(token.uuid));
	assert_int_equal(store_check_token(s, &token, &err), -ESTALE);
	assert_string_equal(err.msg, "the metadata has no timelines, so it does not know the token's timeline either: the metadata was repaired, or restored from a dump");
	for (i = 1; i <= ERAD_TIMELINES + 5; i++) {
		assert_int_equal(store_new_timeline(s, 1000 + i, NULL, NULL), 0);
		assert_int_equal(store_begin_era(s, i, NULL), 0);
		if (i > ERAD_TIMELINES)
			continue;
		if (i % 20 == 0)
			assert_int_equal(store_gap(s, ERAD_GAP_TABLE, long_text, NULL), 0);
	}
	assert_int_equal(store_gaps(s, gap), ERAD_GAPS);
	assert_int_equal(gap[0].era, 20 * (ERAD_TIMELINES / 20 - ERAD_GAPS + 1));
	assert_int_equal(gap[ERAD_GAPS - 1].era, ERAD_TIMELINES);
	assert_int_equal(strlen(gap[0].detail), ERAD_GAP_DETAIL);
	store_info(s, &info);
	assert_int_equal(info.gaps, ERAD_TIMELINES / 20);
	assert_int_equal(store_timelines_since(s), 6);
	assert_int_equal(store_moment(s, 1005, 5), MOMENT_TOO_OLD);
	token.timeline = token.era = 5;
	assert_int_equal(store_check_token(s, &token, &err), -ESTALE);
	assert_string_equal(err.msg, "the token is too old: it is of era 5, and the metadata knows its timelines since era 6 only");
	assert_int_equal(store_moment(s, 1006, 6), MOMENT_KNOWN);
	assert_int_equal(store_moment(s, 1006, 7), MOMENT_OTHER_ERA);
	assert_int_equal(store_moment(s, 77, 7), MOMENT_FOREIGN);
	store_close(s, false, NULL);
	disk_destroy(&d);
}

static void test_a_gap_that_goes_on_moves_in_the_log_and_with_the_floor(void **state)
{
	struct store_gap gap[ERAD_GAPS];
	struct store_info info;
	struct store *s;
	uint64_t ops;
	struct disk d;
	uint32_t era;

	(void)state;
	make_volume(&d);
	s = open_store(&d, STORE_WRITE);
	for (era = 4; era < 40; era++) {
		assert_int_equal(store_begin_era(s, era, NULL), 0);
		assert_int_equal(store_gap_goes_on(s, ERAD_GAP_UNKNOWN, "b uses it", NULL), 0);
		store_info(s, &info);
		assert_int_equal(info.floor_era, era);
	}
	/* A second call in the same era writes nothing. */
	ops = d.ops;
	assert_int_equal(store_gap_goes_on(s, ERAD_GAP_UNKNOWN, "b uses it", NULL), 0);
	assert_int_equal(d.ops, ops);
	assert_int_equal(store_gaps(s, gap), 1);
	assert_int_equal(gap[0].era, 39);
	assert_int_equal(info.gaps, 1);
	/*
	 * A gap with another detail is another gap, even if one detail is the beginning of the
	 * other.
	 */
	assert_int_equal(store_begin_era(s, 40, NULL), 0);
	assert_int_equal(store_gap_goes_on(s, ERAD_GAP_UNKNOWN, "b uses", NULL), 0);
	assert_int_equal(store_gaps(s, gap), 2);
	assert_int_equal(gap[0].era, 39);
	assert_int_equal(gap[1].era, 40);
	store_close(s, false, NULL);

	/*
	 * The newest gap that a snapshot shows is kept unchanged, so a later gap with the same
	 * detail is added. There are never more than two gaps with this detail.
	 */
	s = open_store(&d, STORE_WRITE);
	for (era = 41; era < 80; era += 3) {
		assert_int_equal(store_begin_snapshot(s, era, true, NULL), 0);
		/*
		 * In odd rounds, the gap goes on between the request and the fold that makes the
		 * snapshot.
		 */
		if (era % 2)
			assert_int_equal(store_gap_goes_on(s, ERAD_GAP_UNKNOWN, "b uses", NULL), 0);
		assert_int_equal(store_fold(s, NULL), 0);
		assert_int_equal(store_gap_goes_on(s, ERAD_GAP_UNKNOWN, "b uses", NULL), 0);
		assert_int_equal(store_begin_era(s, era + 1, NULL), 0);
		assert_int_equal(store_gap_goes_on(s, ERAD_GAP_UNKNOWN, "b uses", NULL), 0);
		assert_int_equal(store_gaps(s, gap), 3);
		assert_int_equal(gap[1].era, era - 1);
		assert_int_equal(gap[2].era, era + 1);
		assert_int_equal(store_gaps_since(s, 1, era - 1, gap), 2);
		assert_int_equal(store_drop_snapshot(s, NULL), 0);
		assert_int_equal(store_begin_era(s, era + 2, NULL), 0);
		assert_int_equal(store_gap_goes_on(s, ERAD_GAP_UNKNOWN, "b uses", NULL), 0);
	}
	store_close(s, false, NULL);
	disk_destroy(&d);
}

static void test_a_gap_between_the_request_and_the_fold_is_of_the_snapshot(void **state)
{
	struct store_gap gap[ERAD_GAPS];
	struct store_info info;
	struct store *s;
	struct disk d;

	(void)state;
	make_volume(&d);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_begin_era(s, 10, NULL), 0);
	assert_int_equal(store_begin_snapshot(s, 11, true, NULL), 0);
	assert_int_equal(store_gap_goes_on(s, ERAD_GAP_UNKNOWN, "b uses it", NULL), 0);
	assert_int_equal(store_fold(s, NULL), 0);
	assert_int_equal(store_gap(s, ERAD_GAP_TABLE, "later", NULL), 0);
	store_info(s, &info);
	assert_int_equal(info.snapshot_era, 10);
	assert_int_equal(info.snapshot_floor_era, 10);
	/* The snapshot lists every block since era 10, and says why. */
	assert_int_equal(store_gaps_since(s, 10, 10, gap), 1);
	assert_int_equal(gap[0].era, 11);
	assert_string_equal(gap[0].detail, "b uses it");
	assert_int_equal(store_gaps_since(s, 11, 11, gap), 2);
	assert_int_equal(store_drop_snapshot(s, NULL), 0);
	/* A gap that is noted after the fold is not in the snapshot. */
	assert_int_equal(store_begin_era(s, 12, NULL), 0);
	assert_int_equal(store_begin_snapshot(s, 13, true, NULL), 0);
	assert_int_equal(store_fold(s, NULL), 0);
	assert_int_equal(store_gap_goes_on(s, ERAD_GAP_UNKNOWN, "b uses it", NULL), 0);
	assert_int_equal(store_gaps_since(s, 12, 12, gap), 0);
	store_close(s, false, NULL);
	disk_destroy(&d);
}

/* Writes the note, and returns whether it is set after a clean close.  Sets text to its text. */
static bool past_note_stays(struct disk *d, uint32_t version, const char *in, char text[PAST_NOTE_TEXT])
{
	union {
		uint8_t bytes[ERAD_HISTORY_ITEM];
		struct past_note note;
	} item = { .note.version = htole32(version) };
	struct store_info info;
	struct store *s;

	s = open_store(d, STORE_WRITE);
	memcpy(item.bytes + offsetof(struct past_note, text), in, strlen(in));
	assert_int_equal(store_set_item(s, STORE_PAST, item.bytes, NULL), 0);
	store_info(s, &info);
	assert_int_equal(store_begin_era(s, info.era + 1, NULL), 0);
	assert_int_equal(store_close(s, true, NULL), 0);
	s = open_store(d, STORE_READ);
	store_item(s, STORE_PAST, item.bytes);
	store_close(s, false, NULL);
	return past_note_is_set(&item.note, text);
}

static void test_a_past_note_stays_over_a_new_era_and_a_close(void **state)
{
	char text[PAST_NOTE_TEXT];
	struct disk d;

	(void)state;
	make_volume(&d);
	assert_false(past_note_stays(&d, 0, "", text));
	assert_string_equal(text, "");
	assert_true(past_note_stays(&d, PAST_NOTE_VERSION, "/dev/mapper/vg-a", text));
	assert_string_equal(text, "/dev/mapper/vg-a");
	/* A note of a later version counts, too. Its text may be empty, or may have no final 0. */
	assert_true(past_note_stays(&d, 2, "", text));
	assert_string_equal(text, "another device");
	assert_true(past_note_stays(&d, 2, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", text));
	assert_string_equal(text, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	assert_false(past_note_stays(&d, 0, "/dev/mapper/vg-a", text));
	assert_string_equal(text, "");
	disk_destroy(&d);
}

/*
 * Two copies of the metadata begin the same eras, but their timelines have different random
 * numbers.
 */
static void test_a_rolled_back_timeline_is_foreign(void **state)
{
	struct store *s;
	struct disk d, older;

	(void)state;
	make_volume(&d);
	disk_init_copy(&older, d.visible, d.size);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_timeline(s, 3), 71);
	assert_int_equal(store_timeline(s, 4), 0);
	assert_int_equal(store_new_timeline(s, 72, NULL, NULL), 0);
	/* The timeline is replaced before its era has begun, so no program knows its number. */
	assert_int_equal(store_new_timeline(s, 73, NULL, NULL), 0);
	assert_int_equal(store_moment(s, 72, 4), MOMENT_FOREIGN);
	assert_int_equal(store_moment(s, 73, 4), MOMENT_OTHER_ERA);
	assert_int_equal(store_begin_era(s, 4, NULL), 0);
	assert_int_equal(store_moment(s, 73, 4), MOMENT_KNOWN);
	assert_int_equal(store_moment(s, 73, 3), MOMENT_OTHER_ERA);
	assert_int_equal(store_moment(s, 73, 5), MOMENT_OTHER_ERA);
	assert_int_equal(store_moment(s, 71, 1), MOMENT_KNOWN);
	assert_int_equal(store_moment(s, 71, 4), MOMENT_OTHER_ERA);
	assert_int_equal(store_timeline(s, 3), 71);
	assert_int_equal(store_timeline(s, 4), 73);
	store_close(s, false, NULL);
	s = open_store(&older, STORE_WRITE);
	assert_int_equal(store_new_timeline(s, 90, NULL, NULL), 0);
	assert_int_equal(store_begin_era(s, 4, NULL), 0);
	assert_int_equal(store_moment(s, 73, 4), MOMENT_FOREIGN);
	assert_int_equal(store_moment(s, 71, 3), MOMENT_KNOWN);
	store_close(s, false, NULL);
	disk_destroy(&older);
	disk_destroy(&d);
}

static void test_a_seal_lasts_until_the_next_timeline(void **state)
{
	uint8_t seal[ERAD_HISTORY_SEAL], got[ERAD_HISTORY_SEAL], item[ERAD_HISTORY_ITEM];
	struct store_info info;
	struct store *s;
	struct disk d;
	int i;

	(void)state;
	make_volume(&d);
	memset(seal, 0x5a, sizeof(seal));
	memset(item, 0x33, sizeof(item));
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_seal(s, got), -ENOENT);
	assert_int_equal(store_set_item(s, STORE_TABLE_NOTE, item, NULL), 0);
	assert_int_equal(store_set_item(s, STORE_IDENTITY, item, NULL), 0);
	assert_int_equal(store_close_sealed(s, seal, NULL), 0);
	assert_int_equal(d.nr_cached, 0);
	/*
	 * A process opens the metadata and is killed before it compares the seal.  The next process
	 * can still compare the seal.
	 */
	for (i = 0; i < 3; i++) {
		s = open_store(&d, STORE_WRITE);
		store_info(s, &info);
		assert_true(info.clean == (i == 0));
		assert_int_equal(store_seal(s, got), 0);
		assert_memory_equal(got, seal, sizeof(seal));
		store_item(s, STORE_TABLE_NOTE, got);
		assert_memory_equal(got, item, sizeof(item));
		store_close(s, false, NULL);
	}
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_new_timeline(s, 5, NULL, NULL), 0);
	assert_int_equal(store_seal(s, got), -ENOENT);
	store_item(s, STORE_TABLE_NOTE, got);
	assert_memory_equal(got, item, sizeof(item));
	item[0]++;
	assert_int_equal(store_new_timeline(s, 6, item, NULL), 0);
	store_item(s, STORE_TABLE_NOTE, got);
	assert_memory_equal(got, item, sizeof(item));
	item[0]--;
	store_item(s, STORE_IDENTITY, got);
	assert_memory_equal(got, item, sizeof(item));
	assert_int_equal(store_close(s, true, NULL), 0);
	s = open_store(&d, STORE_READ);
	assert_int_equal(store_seal(s, got), -ENOENT);
	store_close(s, false, NULL);
	disk_destroy(&d);
}

static void test_a_close_whose_fold_fails_is_sealed_all_the_same(void **state)
{
	uint8_t seal[ERAD_HISTORY_SEAL], got[ERAD_HISTORY_SEAL];
	struct store_info info;
	struct store *s;
	struct disk d;

	(void)state;
	make_volume(&d);
	memset(seal, 0x5a, sizeof(seal));
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(mark(s, 50, 5), 0);
	d.broken_from = (uint64_t)s->array.start * ERAD_PAGE;
	assert_int_equal(store_close_sealed(s, seal, NULL), -EIO);
	d.broken_from = 0;
	assert_int_equal(d.nr_cached, 0);
	s = open_store(&d, STORE_READ);
	store_info(s, &info);
	assert_false(info.clean);
	assert_int_equal(store_seal(s, got), 0);
	assert_memory_equal(got, seal, sizeof(seal));
	assert_int_equal(diff_blocks(s, 3), 10);
	store_close(s, false, NULL);
	disk_destroy(&d);
}

static void test_bookmarks_are_durable_and_limited(void **state)
{
	struct store_bookmark b[ERAD_BOOKMARKS];
	char name[ERAD_BOOKMARK_NAME + 2];
	struct token foreign;
	struct store *s;
	struct disk d;
	unsigned int i;

	(void)state;
	make_volume(&d);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_bookmarks(s, b), 0);
	assert_int_equal(set_bookmark(s, "weekly", 2), 0);
	assert_int_equal(set_bookmark(s, "nightly", 3), 0);
	assert_int_equal(set_bookmark(s, "weekly", 1), 0);
	assert_int_equal(d.nr_cached, 0);
	store_close(s, false, NULL);

	s = open_store(&d, STORE_READ);
	assert_int_equal(store_bookmarks(s, b), 2);
	assert_string_equal(b[0].name, "nightly");
	assert_int_equal(b[0].token.era, 3);
	assert_int_equal(b[0].token.timeline, 71);
	assert_true(b[0].time > 1600000000);
	assert_int_equal(store_check_token(s, &b[0].token, NULL), 0);
	assert_string_equal(b[1].name, "weekly");
	assert_int_equal(b[1].token.era, 1);
	assert_int_equal(set_bookmark(s, "x", 1), -EROFS);
	assert_int_equal(store_delete_bookmark(s, "weekly", NULL), -EROFS);
	store_close(s, false, NULL);

	s = open_store(&d, STORE_WRITE);
	foreign = b[0].token;
	foreign.timeline++;
	assert_int_equal(store_set_bookmark(s, "foreign", &foreign, NULL), -ESTALE);
	memset(name, 'n', sizeof(name));
	name[ERAD_BOOKMARK_NAME + 1] = 0;
	assert_int_equal(set_bookmark(s, name, 3), -EINVAL);
	assert_int_equal(set_bookmark(s, "", 3), -EINVAL);
	assert_int_equal(set_bookmark(s, "a/b", 3), -EINVAL);
	assert_int_equal(set_bookmark(s, "-a", 3), -EINVAL);
	name[ERAD_BOOKMARK_NAME] = 0;
	assert_int_equal(set_bookmark(s, name, 3), 0);
	assert_int_equal(store_delete_bookmark(s, name, NULL), 0);
	assert_int_equal(store_delete_bookmark(s, name, NULL), -ENOENT);
	for (i = 0; i < ERAD_BOOKMARKS - 2; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_int_equal(set_bookmark(s, name, 3), 0);
	}
	assert_int_equal(set_bookmark(s, "one-more", 3), -ENOSPC);
	assert_int_equal(set_bookmark(s, "weekly", 3), 0);
	assert_int_equal(store_delete_bookmark(s, "n7", NULL), 0);
	assert_int_equal(set_bookmark(s, "one-more", 3), 0);
	/* A gap and a timeline both change the history. */
	assert_int_equal(store_gap(s, ERAD_GAP_CLOSED, "x", NULL), 0);
	assert_int_equal(store_new_timeline(s, 72, NULL, NULL), 0);
	assert_int_equal(store_begin_era(s, 4, NULL), 0);
	assert_int_equal(store_close(s, true, NULL), 0);

	s = open_store(&d, STORE_READ);
	assert_int_equal(store_bookmarks(s, b), ERAD_BOOKMARKS);
	for (i = 1; i < ERAD_BOOKMARKS; i++)
		assert_true(strcmp(b[i - 1].name, b[i].name) < 0);
	assert_string_equal(b[ERAD_BOOKMARKS - 1].name, "weekly");
	assert_int_equal(b[ERAD_BOOKMARKS - 1].token.era, 3);
	store_close(s, false, NULL);
	disk_destroy(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_gap_lists_all_blocks_and_is_kept),
		cmocka_unit_test(test_the_log_keeps_the_newest_gaps_and_timelines),
		cmocka_unit_test(test_a_gap_that_goes_on_moves_in_the_log_and_with_the_floor),
		cmocka_unit_test(test_a_gap_between_the_request_and_the_fold_is_of_the_snapshot),
		cmocka_unit_test(test_a_past_note_stays_over_a_new_era_and_a_close),
		cmocka_unit_test(test_a_rolled_back_timeline_is_foreign),
		cmocka_unit_test(test_a_seal_lasts_until_the_next_timeline),
		cmocka_unit_test(test_a_close_whose_fold_fails_is_sealed_all_the_same),
		cmocka_unit_test(test_bookmarks_are_durable_and_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
