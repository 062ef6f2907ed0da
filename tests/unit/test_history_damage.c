// SPDX-License-Identifier: GPL-2.0-or-later
/* A damaged history: it is never read as a history without gaps, and no repair loses a gap. */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "history_volume.h"
#include "store/crc32c.h"
#include "store/moment.h"
#include "store/repair.h"
#include "store/state.h"
#include "store/super.h"

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
	bool old_gap;		/* the remaining copy contains the gap */
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
 * repair may lose a gap that the other copy contains, or that the repair must record.
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

enum change { GAP, BOOKMARK, PAST, SEAL, NR_CHANGES };

static void make_change(struct store *s, enum change what)
{
	static const uint8_t item[ERAD_HISTORY_ITEM] = { 1 }, seal[ERAD_HISTORY_SEAL] = { 2 };

	switch (what) {
	case GAP:
		assert_int_equal(store_gap(s, ERAD_GAP_CLOSED, "x", NULL), 0);
		break;
	case BOOKMARK:
		assert_int_equal(set_bookmark(s, "nightly", 3), 0);
		break;
	case PAST:
		assert_int_equal(store_set_item(s, STORE_PAST, item, NULL), 0);
		break;
	default:
		assert_int_equal(store_close_sealed(s, seal, NULL), 0);
		return;
	}
	store_close(s, false, NULL);
}

static bool has_change(struct store *s, enum change what)
{
	struct store_bookmark bookmark[ERAD_BOOKMARKS];
	struct store_gap gap[ERAD_GAPS];
	struct store_notes notes;

	store_notes(s, &notes);
	switch (what) {
	case GAP:
		return store_gaps(s, gap) == 1 && diff_blocks(s, 3) == NR_BLOCKS;
	case BOOKMARK:
		return store_bookmarks(s, bookmark) == 1;
	case PAST:
		return notes.item[STORE_PAST][0] == 1;
	default:
		return notes.sealed && notes.seal[0] == 2;
	}
}

static void test_a_lost_superblock_loses_no_gap_bookmark_note_or_seal(void **state)
{
	enum change what;
	unsigned int copy;
	struct store *s;
	struct disk d;

	(void)state;
	for (what = 0; what < NR_CHANGES; what++) {
		for (copy = 0; copy < 2; copy++) {
			make_volume(&d);
			make_change(open_store(&d, STORE_WRITE), what);
			d.visible[copy * ERAD_PAGE + 200] ^= 1;
			s = open_store(&d, STORE_READ);
			assert_true(has_change(s, what));
			store_close(s, false, NULL);
			disk_destroy(&d);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_damaged_history_is_refused_and_repaired_as_a_gap),
		cmocka_unit_test(test_no_crash_of_a_repair_loses_a_gap),
		cmocka_unit_test(test_a_history_that_contradicts_itself_is_refused),
		cmocka_unit_test(test_a_lost_superblock_loses_no_gap_bookmark_note_or_seal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
