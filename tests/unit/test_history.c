// SPDX-License-Identifier: GPL-2.0-or-later
/* The history: gaps, timelines, bookmarks, seal and items; no crash and no damage loses a gap. */
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
#include "store/crc32c.h"
#include "store/bookmarks.h"
#include "store/history.h"
#include "store/moment.h"
#include "store/repair.h"
#include "store/state.h"
#include "store/super.h"
#include "volume.h"

/* Makes a volume in era 3.  Blocks 0 to 9 were written in era 1, and blocks 20 to 24 in era 3. */
static void make_volume(struct disk *d)
{
	struct store *s;

	format(d);
	s = open_store(d, STORE_WRITE);
	assert_int_equal(store_new_timeline(s, 71, NULL, NULL), 0);
	assert_int_equal(store_begin_era(s, 1, NULL), 0);
	assert_int_equal(mark(s, 0, 10), 0);
	assert_int_equal(store_begin_era(s, 2, NULL), 0);
	assert_int_equal(store_begin_era(s, 3, NULL), 0);
	assert_int_equal(mark(s, 20, 5), 0);
	assert_int_equal(store_close(s, true, NULL), 0);
}

/*
 * Returns the first page of the history that is in force, according to the superblocks.  *seq
 * receives the sequence number of this history.
 */
static uint8_t *in_force(struct disk *d, uint64_t *seq)
{
	struct engine *e = disk_engine(d);
	struct erad_disk_super sb;

	assert_int_equal(super_read(e, &sb, NULL), 0);
	engine_destroy(e);
	*seq = le64toh(sb.history_seq);
	return d->visible + (ERAD_HISTORY + (*seq & 1) * ERAD_HISTORY_PAGES) * ERAD_PAGE;
}

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
	assert_string_equal(err.msg, "the metadata knows no timeline, so also not the token's: the metadata was repaired, or restored from a dump");
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
	/* In the same era, nothing is written. */
	ops = d.ops;
	assert_int_equal(store_gap_goes_on(s, ERAD_GAP_UNKNOWN, "b uses it", NULL), 0);
	assert_int_equal(d.ops, ops);
	assert_int_equal(store_gaps(s, gap), 1);
	assert_int_equal(gap[0].era, 39);
	assert_int_equal(info.gaps, 1);
	/* Another detail is another gap, even if one text is the beginning of the other. */
	assert_int_equal(store_begin_era(s, 40, NULL), 0);
	assert_int_equal(store_gap_goes_on(s, ERAD_GAP_UNKNOWN, "b uses", NULL), 0);
	assert_int_equal(store_gaps(s, gap), 2);
	assert_int_equal(gap[0].era, 39);
	assert_int_equal(gap[1].era, 40);
	store_close(s, false, NULL);

	/*
	 * A snapshot keeps the newest gap that it shows, so another gap with the same detail is
	 * added. There are never more than two of them.
	 */
	s = open_store(&d, STORE_WRITE);
	for (era = 41; era < 80; era += 3) {
		assert_int_equal(store_begin_snapshot(s, era, true, NULL), 0);
		/* Odd rounds: the gap goes on after the request, but before the fold begins the snapshot. */
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
	/* A gap after the fold is not of the snapshot. */
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

/*
 * Damages each sector of the copy in force, then one sector of each copy.  A damaged history is
 * never read as a history without gaps.
 */
static void test_a_damaged_history_is_refused_and_repaired_as_a_gap(void **state)
{
	const uint8_t uuid[16] = { 9 };
	struct store_gap gap[ERAD_GAPS];
	struct store_repaired done;
	struct store_info info;
	unsigned int said, i;
	struct store *s;
	struct disk d, bad;
	uint64_t seq;

	(void)state;
	make_volume(&d);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_gap(s, ERAD_GAP_CLOSED, "x", NULL), 0);
	assert_int_equal(store_begin_era(s, 4, NULL), 0);
	store_close(s, false, NULL);
	for (i = 0; i <= ERAD_HISTORY_PAGES * 8 + 1; i++) {
		const bool both = i == ERAD_HISTORY_PAGES * 8, unreadable = i > ERAD_HISTORY_PAGES * 8;
		uint8_t *copy;

		disk_init_copy(&bad, d.visible, d.size);
		copy = in_force(&bad, &seq);
		if (unreadable) {
			bad.bad_from = copy - bad.visible;
			bad.bad_to = bad.bad_from + ERAD_SECTOR;
		} else {
			copy[i % (ERAD_HISTORY_PAGES * 8) * ERAD_SECTOR + i] ^= 1;
		}
		if (both)
			memset(bad.visible + ERAD_HISTORY * ERAD_PAGE, 0xee, 2 * ERAD_HISTORY_PAGES * ERAD_PAGE);
		assert_int_equal(try_open(&bad, STORE_READ, &s), unreadable ? -EIO : -EUCLEAN);
		assert_int_equal(try_open(&bad, STORE_WRITE, &s), unreadable ? -EIO : -EUCLEAN);
		assert_int_equal(check(&bad, NULL), 1);
		said = 0;
		assert_int_equal(store_repair(disk_engine(&bad), uuid, complain, &said, &done, &info, NULL), 0);
		assert_int_equal(said, 1);
		assert_int_equal(done.over_marked, NR_BLOCKS);
		assert_false(done.new_uuid);
		bad.bad_from = bad.bad_to = 0;
		assert_int_equal(check(&bad, NULL), 0);
		s = open_store(&bad, STORE_WRITE);
		assert_int_equal(diff_blocks(s, 4), NR_BLOCKS);
		assert_in_range(store_gaps(s, gap), 1, 2);
		assert_int_equal(gap[store_gaps(s, gap) - 1].kind, ERAD_GAP_UNKNOWN);
		assert_int_equal(gap[store_gaps(s, gap) - 1].era, 4);
		/*
		 * If the other copy of the history is not damaged, the repair uses this copy, which
		 * knows timeline 71.
		 */
		assert_int_equal(store_moment(s, 71, 1), both ? MOMENT_TOO_OLD : MOMENT_KNOWN);
		store_close(s, false, NULL);
		disk_destroy(&bad);
	}
	disk_destroy(&d);
}

/*
 * Damages of the metadata, which can be combined: a byte of the history in force, a page of the
 * journal, an era in the array that the history does not know, both copies of the history.
 */
enum damage { D_HISTORY = 1, D_JOURNAL = 2, D_ARRAY_NEWER = 4, D_BOTH_COPIES = 8 };

static void damage_history(struct disk *d, unsigned int what, uint32_t newer_era)
{
	struct erad_disk_eras *e = (void *)(d->visible + ARRAY_SECTOR(0));
	uint64_t seq;

	if (what & D_HISTORY)
		in_force(d, &seq)[100] ^= 1;
	if (what & D_BOTH_COPIES)
		memset(d->visible + ERAD_HISTORY * ERAD_PAGE, 0xee, 2 * ERAD_HISTORY_PAGES * ERAD_PAGE);
	if (what & D_JOURNAL)
		d->visible[(ERAD_JOURNAL_START + 5) * ERAD_PAGE + 77] ^= 1;
	if (what & D_ARRAY_NEWER) {
		e->era[3] = htole32(newer_era);
		e->csum = htole32(crc32c(0, (char *)e + 4, sizeof(*e) - 4));
	}
	memcpy(d->durable, d->visible, d->size);
}

struct repaired {
	bool old_gap;		/* the remaining copy has the gap */
	bool journal;
	uint32_t era;
	unsigned int states;
};

static bool has_gap(const struct store_gap *gap, unsigned int nr, enum erad_gap_kind kind, uint32_t era)
{
	while (nr--)
		if (gap[nr].kind == kind && gap[nr].era == era)
			return true;
	return false;
}

static int repair_all(struct disk *d)
{
	const uint8_t uuid[16] = { 9 };
	struct store_repaired done;
	struct store_info info;
	unsigned int said = 0;

	return store_repair(disk_engine(d), uuid, complain, &said, &done, &info, NULL);
}

static int repair_after_crash(void *ctx, uint8_t *image)
{
	struct repaired *r = ctx;
	struct store_gap gap[ERAD_GAPS];
	struct store_info info;
	unsigned int nr;
	struct store *s;
	struct disk d;

	disk_init_copy(&d, image, ARRAY_SECTOR(8 * 2));
	assert_int_equal(repair_all(&d), 0);
	assert_int_equal(check(&d, NULL), 0);
	s = open_store(&d, STORE_READ);
	nr = store_gaps(s, gap);
	assert_true(has_gap(gap, nr, ERAD_GAP_UNKNOWN, r->era));
	assert_true(!r->journal || has_gap(gap, nr, ERAD_GAP_JOURNAL, r->era));
	assert_true(!r->old_gap || has_gap(gap, nr, ERAD_GAP_CLOSED, 3));
	store_info(s, &info);
	assert_int_equal(info.era, r->era);
	assert_int_equal(diff_blocks(s, r->era), NR_BLOCKS);
	store_close(s, false, NULL);
	disk_destroy(&d);
	r->states++;
	return 0;
}

/*
 * The history in force is damaged, or both copies of the history are damaged. No crash of the
 * repair may lose a gap that the other copy has, or that the repair must record.
 */
static void test_no_crash_of_a_repair_loses_a_gap(void **state)
{
	static const unsigned int damages[] = {
		D_HISTORY, D_HISTORY | D_JOURNAL, D_HISTORY | D_ARRAY_NEWER, D_HISTORY | D_JOURNAL | D_ARRAY_NEWER,
		D_BOTH_COPIES, D_BOTH_COPIES | D_JOURNAL, D_BOTH_COPIES | D_ARRAY_NEWER,
	};
	struct store *s;
	struct disk d;
	uint64_t n;
	int ret;

	(void)state;
	for (unsigned int i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		struct repaired r = {
			.old_gap = !(damages[i] & D_BOTH_COPIES), .journal = damages[i] & D_JOURNAL,
			.era = damages[i] & D_ARRAY_NEWER ? 9 : 5,
		};

		for (n = 0, ret = -EIO; ret; n++) {
			make_volume(&d);
			s = open_store(&d, STORE_WRITE);
			assert_int_equal(store_gap(s, ERAD_GAP_CLOSED, "x", NULL), 0);
			assert_int_equal(store_begin_era(s, 4, NULL), 0);
			assert_int_equal(store_new_timeline(s, 72, NULL, NULL), 0);
			for (unsigned int b = 0; b < 8; b++)
				assert_int_equal(mark(s, 2 * b, 1), 0);
			assert_int_equal(store_begin_era(s, 5, NULL), 0);
			store_close(s, false, NULL);
			damage_history(&d, damages[i], r.era);
			d.nr_cached = 0;
			d.fail_from = d.ops + n;
			d.fail_to = d.fail_from + 100000;
			ret = repair_all(&d);
			d.fail_to = 0;
			assert_int_equal(disk_crash(&d, 16, n, repair_after_crash, &r), 0);
			disk_destroy(&d);
		}
		assert_true(n > 5);
		assert_true(r.states > 20);
	}
}

static int set_bookmark(struct store *s, const char *name, uint32_t era)
{
	struct token t;

	assert_true(store_token(s, era, &t));
	return store_set_bookmark(s, name, &t, NULL);
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

/* Makes content that no version of erad writes, with correct checksums. */
static void test_a_history_that_contradicts_itself_is_refused(void **state)
{
	unsigned int i;
	struct store *s;
	struct disk d, bad;
	uint64_t seq;

	(void)state;
	make_volume(&d);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_gap(s, ERAD_GAP_CLOSED, "x", NULL), 0);
	assert_int_equal(set_bookmark(s, "a", 2), 0);
	assert_int_equal(set_bookmark(s, "b", 3), 0);
	store_close(s, false, NULL);
	for (i = 0; i < 13; i++) {
		struct erad_disk_history *h;

		disk_init_copy(&bad, d.visible, d.size);
		h = (struct erad_disk_history *)in_force(&bad, &seq);
		switch (i) {
		case 1:
			h->nr_gaps = htole32(ERAD_GAPS + 1);
			break;
		case 2:
			h->nr_timelines = htole32(ERAD_TIMELINES + 1);
			break;
		case 3:
			h->gap[0].era = htole32(4);
			break;
		case 4:
			h->timeline[0].number = 0;
			break;
		case 5:
			h->timeline[0].first_era = 0;
			break;
		case 6:
			h->nr_timelines = htole32(2);
			h->timeline[1] = h->timeline[0];
			break;
		case 7:
			h->seq = htole64(seq + 2);
			break;
		case 8:
			h->nr_bookmarks = htole32(ERAD_BOOKMARKS + 1);
			break;
		case 9:
			h->bookmark[1] = h->bookmark[0];
			break;
		case 10:
			h->bookmark[1].name[0] = '/';
			break;
		case 11:
			h->bookmark[0].timeline = 0;
			break;
		case 12:
			h->nr_bookmarks = htole32(3);
			break;
		}
		h->csum = htole32(crc32c(0, (char *)h + 4, sizeof(*h) - 4));
		assert_int_equal(try_open(&bad, STORE_READ, &s), i ? -EUCLEAN : 0);
		if (!i)
			store_close(s, false, NULL);
		disk_destroy(&bad);
	}
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
		cmocka_unit_test(test_a_damaged_history_is_refused_and_repaired_as_a_gap),
		cmocka_unit_test(test_no_crash_of_a_repair_loses_a_gap),
		cmocka_unit_test(test_bookmarks_are_durable_and_limited),
		cmocka_unit_test(test_a_history_that_contradicts_itself_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
