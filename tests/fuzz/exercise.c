// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checks any metadata, even hostile: either all functions refuse it, or it opens, and all its
 * answers are consistent.
 *
 * Readers write nothing. The extents of a diff are in order and on the device, and a diff since a
 * newer era is not larger. Opening for writing, folding, closing and opening again lose and add
 * nothing. Marked blocks are in the diff. A snapshot does not change. With a floor, every block is
 * in the diff. After all this, check finds no more faults than before.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "exercise.h"
#include "fuzz.h"
#include "picture.h"
#include "common/witness.h"
#include "store/bookmarks.h"
#include "store/history.h"
#include "store/moment.h"
#include "store/pool.h"
#include "store/state.h"
#include "store/super.h"

enum what {
	DO_FOLD = 0x01,
	DO_ERA = 0x02,
	DO_MARK = 0x04,
	DO_SNAPSHOT = 0x08,
	DO_RESIZE = 0x10,
	DO_DROP = 0x20,
	DO_HOLES = 0x40,
	DO_CLEAN = 0x80,
};

/* Bits of choice[2]: each of them selects a part of the exercise. */
#define DO_FLOOR	0x80
#define DO_GAP		0x40
#define DO_DRAIN	0x20

/*
 * Sets a bookmark to the beginning of the current era, and deletes it.  There may be other
 * bookmarks.
 */
static void exercise_bookmark(struct store *s, uint32_t era)
{
	static struct store_bookmark bookmark[ERAD_BOOKMARKS];
	struct token token;
	int ret;

	if (!store_token(s, era, &token) || store_check_token(s, &token, NULL))
		return;
	ret = store_set_bookmark(s, "fuzz", &token, NULL);
	expect(!ret || (ret == -ENOSPC && store_bookmarks(s, bookmark) == ERAD_BOOKMARKS));
	picture_bookmarks(s);
	expect(store_delete_bookmark(s, "fuzz", NULL) == (ret ? -ENOENT : 0));
}

/* Counts the faults that store_check() reports. */
static void complain(void *ctx, const char *what)
{
	expect(what[0]);
	++*(int *)ctx;
}

static int check(struct mem *m)
{
	struct err err = { "" };
	int complaints = 0, ret;

	m->written = false;
	ret = store_check(mem_engine(m), complain, &complaints, NULL, &err);
	expect(!m->written);
	expect(ret < 0 ? err.msg[0] : ret == complaints);
	return ret;
}

static int open_store(struct mem *m, enum store_mode mode, struct store **s)
{
	struct err err = { "" };
	int ret;

	m->written = false;
	ret = store_open(mem_engine(m), mode, s, &err);
	expect(!ret == !err.msg[0]);
	/* Check that nothing was written if the metadata was refused, or was opened for reading. */
	expect(!m->written || (!ret && mode == STORE_WRITE));
	return ret;
}

/*
 * Returns whether hostile metadata contains pages that the next snapshot could take for its copies.
 */
static bool has_copies(const struct mem *m)
{
	static const uint8_t zeros[ERAD_PAGE];
	unsigned int page;

	for (page = IMAGE_ARRAY + 1; page < m->size / ERAD_PAGE; page += 2)
		if (memcmp(m->image + page * ERAD_PAGE, zeros, sizeof(zeros)))
			return true;
	return false;
}

/*
 * Leaves memory for one run only, so that each range of a mark becomes a separate group, with a
 * fold between the groups.
 */
static void drain_pool(struct store *s)
{
	const size_t needs = overlay_needs(&s->active);
	struct nodes nodes = { 0 };

	/* Fold first, because a fold returns the used nodes to the pool. */
	expect(!store_fold(s, NULL));
	expect(s->pool.nr >= POOL_MIN);
	nodes_move(&nodes, &s->pool, s->pool.nr - needs);
	nodes_free(&nodes);
}

static void mark_some(struct store *s, const struct store_info *info, const uint8_t *choice)
{
	static struct seen before, after;
	struct erad_range r[3];
	unsigned int i;
	uint64_t b;

	picture_read(s, STORE_NOW, info->era, info->nr_blocks, &before);
	for (i = 0; i < 3; i++) {
		r[i] = (struct erad_range){ .first = (choice[1] * 7 + choice[2] * i) % info->nr_blocks };
		r[i].len = 1 + choice[i] % 40;
		if (r[i].len > info->nr_blocks - r[i].first)
			r[i].len = info->nr_blocks - r[i].first;
		memset(before.block + r[i].first, 1, r[i].len);
	}
	if (choice[2] & DO_DRAIN)
		drain_pool(s);
	expect(!store_mark(s, r, 3, NULL));
	if (choice[2] & DO_DRAIN)
		store_fill_pool(s);
	picture_read(s, STORE_NOW, info->era, info->nr_blocks, &after);
	expect(!memcmp(before.block, after.block, info->nr_blocks));
	b = info->nr_blocks;
	expect(store_mark(s, &(struct erad_range){ .first = b, .len = 1 }, 1, NULL) == -EINVAL);
}

static void exercise_snapshot(struct store *s, const struct mem *m, const struct store_info *info,
			  bool lasts)
{
	static struct seen before, snapshot;
	const bool comparable = !has_copies(m) && info->era;
	struct store_info after;
	int ret;

	if (info->era)
		picture_read(s, STORE_NOW, 1, info->nr_blocks, &before);
	ret = store_begin_snapshot(s, info->era + 1, lasts, NULL);
	if (ret) {
		expect(ret == -ENOSPC || (ret == -EBUSY && info->snapshot_era) ||
		       (ret == -EINVAL && !info->era) ||
		       (ret == -EOVERFLOW && info->era + 1 == UINT32_MAX));
		return;
	}
	expect(info->era && !info->snapshot_era);
	expect(!store_fold(s, NULL));
	store_info(s, &after);
	expect(after.snapshot_era == info->era && after.snapshot_lasts == lasts);
	picture_read(s, STORE_SNAPSHOT, 1, info->nr_blocks, &snapshot);
	if (comparable)
		expect(!memcmp(before.block, snapshot.block, info->nr_blocks));
}

static void exercise_resize(struct store *s, const struct store_info *info, unsigned int choice)
{
	const uint64_t bytes = (uint64_t)info->block_sectors * (1 + choice * 37 % 4000);
	static struct seen before, after;
	struct store_info now;
	uint64_t b;
	int ret;

	if (!info->era)
		return;
	picture_read(s, STORE_NOW, 1, info->nr_blocks, &before);
	ret = store_make_room(s, bytes, NULL);
	store_info(s, &now);
	expect(now.nr_sectors == info->nr_sectors);
	expect(!ret || ret == -ENOSPC || ret == -EINVAL);
	if (!ret)
		expect(!store_resize(s, bytes, NULL));
	else
		ret = store_resize(s, bytes, NULL);
	expect(!ret || ret == -ENOSPC || ret == -EINVAL);
	store_info(s, &now);
	expect(now.nr_sectors == (ret ? info->nr_sectors : bytes));
	picture_read(s, STORE_NOW, 1, now.nr_blocks, &after);
	/* The last block counts as written, because it was incomplete and has gained sectors. */
	if (now.nr_sectors > info->nr_sectors && info->nr_sectors % info->block_sectors)
		before.block[info->nr_blocks - 1] = 1;
	expect(picture_within(&before, &after) && picture_within(&after, &before));
	for (b = info->nr_blocks; b < now.nr_blocks; b++)
		expect(after.block[b]);
}

/* Raises the floor, as erad does after a degrade. */
static void exercise_floor(struct store *s)
{
	static struct seen all, none;
	uint8_t record[ERAD_SECTOR];
	struct store_info info, after;
	uint64_t sector, b;
	const bool was = store_degraded(s);
	int ret;

	/* No degrade record was written since the open, so this changes nothing. */
	expect(!store_find_degraded(s, NULL));
	expect(store_degraded(s) == was);
	expect(!store_set_floor(s, NULL));
	store_info(s, &info);
	expect(info.degraded && info.floor_era == info.era);
	ret = store_begin_era(s, info.era + 1, NULL);
	expect(ret == (info.era + 1 == UINT32_MAX ? -EOVERFLOW : 0));
	expect(store_clear_degraded(s, NULL) == -EINVAL);
	expect(!store_degrade_record(s, &sector, record));
	expect(!store_clear_degraded(s, NULL));
	expect(!store_find_degraded(s, NULL));
	store_info(s, &after);
	expect(!after.degraded && after.floor_era == info.era);
	picture_read(s, STORE_NOW, info.era, info.nr_blocks, &all);
	for (b = 0; b < info.nr_blocks; b++)
		expect(all.block[b]);
	if (ret)
		return;
	picture_read(s, STORE_NOW, after.era, info.nr_blocks, &none);
	expect(picture_within(&none, &all));
}

/*
 * Notes a gap that goes on in the current era.  Returns whether the log contains one gap more than
 * before, which must then count in the totals.
 */
static bool note_lasting_gap(struct store *s, enum erad_gap_kind kind)
{
	struct store_gap before[ERAD_GAPS], after[ERAD_GAPS];
	uint64_t had[ERAD_GAP_KINDS], has[ERAD_GAP_KINDS];
	const unsigned int nr = store_gaps(s, before);
	struct store_info info;
	unsigned int now;
	bool added;

	store_gap_totals(s, had);
	expect(!store_gap_goes_on(s, kind, "lasts", NULL));
	store_gap_totals(s, has);
	store_info(s, &info);
	now = store_gaps(s, after);
	expect(now && after[now - 1].kind == kind && !strcmp(after[now - 1].detail, "lasts"));
	expect(after[now - 1].era == info.era && info.floor_era == info.era);
	added = has[kind] != had[kind];
	expect(added ? has[kind] == had[kind] + 1 && (now == nr + 1 || now == ERAD_GAPS) : now == nr);
	/* A second note in the same era must change nothing. */
	expect(!store_gap_goes_on(s, kind, "lasts", NULL));
	expect(store_gaps(s, before) == now && before[now - 1].era == info.era);
	store_gap_totals(s, had);
	expect(!memcmp(had, has, sizeof(had)));
	return added;
}

/*
 * Notes a gap that goes on for several eras. The gap is listed once, or twice if a snapshot is made
 * meanwhile.
 */
static void exercise_lasting_gap(struct store *s, enum erad_gap_kind kind)
{
	struct store_info info;
	bool snapshot;

	expect(note_lasting_gap(s, kind));
	store_info(s, &info);
	if (store_begin_era(s, info.era + 1, NULL))
		return;
	expect(!note_lasting_gap(s, kind));
	snapshot = !store_begin_snapshot(s, info.era + 2, false, NULL);
	if (!snapshot && store_begin_era(s, info.era + 2, NULL))
		return;
	/* Folding takes the snapshot. */
	expect(!store_fold(s, NULL));
	expect(note_lasting_gap(s, kind) == snapshot);
	if (!store_begin_era(s, info.era + 3, NULL))
		expect(!note_lasting_gap(s, kind));
}

/*
 * Records a gap, and then begins a timeline.  There must be no floor without a gap, and no gap
 * without its floor.
 */
static void exercise_gap(struct store *s, const uint8_t *choice)
{
	static struct seen all;
	const struct witness w = {
		.version = htole32(WITNESS_VERSION), .nr = htole32(1), .era = htole32(1),
		.place[0] = { .offset = htole64(choice[1] * 4096ull), .length = htole32(4096) },
	};
	uint8_t item[ERAD_HISTORY_ITEM] = { 1, choice[1] }, got[ERAD_HISTORY_ITEM];
	struct store_gap gap[ERAD_GAPS];
	struct store_info info, after;
	unsigned int nr;
	uint64_t b;
	int ret;

	store_info(s, &info);
	expect(!store_gap(s, choice[1] % ERAD_GAP_KINDS, "fuzz", NULL));
	store_info(s, &after);
	nr = store_gaps(s, gap);
	expect(nr && nr <= ERAD_GAPS && gap[nr - 1].era == info.era && after.floor_era == info.era);
	if (info.era) {
		picture_read(s, STORE_NOW, info.era, info.nr_blocks, &all);
		for (b = 0; b < info.nr_blocks; b++)
			expect(all.block[b]);
	}
	expect(!store_set_item(s, STORE_WITNESS, (const uint8_t *)&w, NULL));
	expect(!store_set_item(s, STORE_TABLE_NOTE, item, NULL));
	store_item(s, STORE_TABLE_NOTE, got);
	expect(!memcmp(item, got, sizeof(item)));
	ret = store_new_timeline(s, 12345, item, NULL);
	expect(ret == (info.era + 1 == UINT32_MAX ? -EOVERFLOW : 0));
	if (ret)
		return;
	expect(store_moment(s, 12345, info.era + 1) != MOMENT_FOREIGN);
	expect(!store_begin_era(s, info.era + 1, NULL));
	expect(store_timeline(s, info.era + 1));
	exercise_bookmark(s, info.era + 1);
	exercise_lasting_gap(s, choice[1] % ERAD_GAP_KINDS);
}

static void act(struct store *s, const struct mem *m, const uint8_t *choice)
{
	struct store_info info;
	int ret;

	store_info(s, &info);
	if (choice[0] & DO_DROP)
		expect(store_drop_snapshot(s, NULL) == (info.snapshot_era ? 0 : -ENOENT));
	if (choice[0] & DO_ERA) {
		ret = store_begin_era(s, info.era + 1, NULL);
		expect(ret == (info.era + 1 == UINT32_MAX ? -EOVERFLOW : 0));
		expect(store_begin_era(s, info.era, NULL) == -EINVAL);
	}
	store_info(s, &info);
	if (choice[0] & DO_MARK && info.era)
		mark_some(s, &info, choice);
	if (choice[0] & DO_SNAPSHOT)
		exercise_snapshot(s, m, &info, choice[1] & 1);
	store_info(s, &info);
	if (choice[0] & DO_RESIZE)
		exercise_resize(s, &info, choice[2]);
	store_info(s, &info);
	if (choice[0] & DO_MARK && info.era)
		mark_some(s, &info, choice);
	if (choice[2] & DO_FLOOR)
		exercise_floor(s);
	if (choice[2] & DO_GAP)
		exercise_gap(s, choice);
	if (choice[0] & DO_FOLD)
		expect(!store_fold(s, NULL));
}

/*
 * Returns whether ro_compat is set. If so, an open for writing is refused before the rest of the
 * metadata is examined.
 */
static bool has_ro_compat(const struct mem *m)
{
	const struct erad_disk_super *a = (const void *)m->image;
	const struct erad_disk_super *b = (const void *)(m->image + ERAD_PAGE);

	return a->ro_compat || b->ro_compat;
}

/*
 * Returns whether the metadata can only be read: its sequence numbers are used up, or it is old and
 * has no room for a history.
 */
static bool beyond_last_number(struct mem *m, uint64_t journal_used)
{
	struct engine *e = mem_engine(m);
	struct erad_disk_super sb;

	expect(!super_read(e, &sb, NULL));
	engine_destroy(e);
	if (!sb.incompat && le64toh(sb.journal_pages) < ERAD_JOURNAL_MIN + 2 * ERAD_HISTORY_PAGES)
		return true;
	return le64toh(sb.seq) > SUPER_LAST_SEQ || le64toh(sb.history_seq) > SUPER_LAST_SEQ || le64toh(sb.degrade_serial) > SUPER_LAST_SEQ ||
	       le64toh(sb.journal_tail) + journal_used > SUPER_LAST_SEQ;
}

/*
 * Clears the pages after the head of the journal.  Hostile metadata may contain valid pages there,
 * which erad never leaves.  After an append, a replay would take these pages for a part of the
 * journal.
 */
static void clear_ahead(struct mem *m, uint64_t journal_used)
{
	struct engine *e = mem_engine(m);
	struct erad_disk_journal *ring;
	struct erad_disk_super sb;
	uint64_t head, i;

	expect(!super_read(e, &sb, NULL));
	engine_destroy(e);
	head = le64toh(sb.journal_tail) + journal_used;
	ring = (void *)(m->image + le64toh(sb.journal_start) * ERAD_PAGE);
	for (i = 0; i < le64toh(sb.journal_pages); i++)
		if (le64toh(ring[i].seq) >= head)
			memset(&ring[i], 0, ERAD_PAGE);
}

void exercise(struct mem *m, const struct image_head *head)
{
	static struct picture read, written, changed, again;
	const bool clean = head->choice[0] & DO_CLEAN;
	struct store *s;
	int ret, faults;
	bool beyond;

	m->holes = head->choice[0] & DO_HOLES;
	faults = check(m);
	ret = open_store(m, STORE_READ, &s);
	expect(faults == (ret == -EUCLEAN ? 1 : ret) || (!ret && faults > 0));
	if (ret) {
		ret -= open_store(m, STORE_WRITE, &s);
		expect(!ret || has_ro_compat(m));
		return;
	}
	picture_take(s, m, NULL, &read);
	expect(store_begin_era(s, read.info.era + 1, NULL) < 0);
	expect(!store_close(s, true, NULL));
	expect(!m->written);
	clear_ahead(m, read.info.journal_used);
	beyond = beyond_last_number(m, read.info.journal_used);

	ret = open_store(m, STORE_WRITE, &s);
	if (ret == -EOPNOTSUPP && has_ro_compat(m))
		return;
	expect(!ret == !beyond);
	if (ret) {
		expect(ret == -EOVERFLOW);
		return;
	}
	picture_take(s, m, &read, &written);
	picture_expect_same(&read, &written);
	act(s, m, head->choice);
	picture_take(s, m, NULL, &changed);
	expect(!store_close(s, clean, NULL));

	expect(check(m) <= faults);
	expect(!open_store(m, STORE_READ, &s));
	picture_take(s, m, &changed, &again);
	picture_expect_same(&changed, &again);
	expect(again.info.snapshot_era == changed.info.snapshot_era);
	expect(!clean || (again.info.clean && !again.info.journal_used));
	expect(!store_close(s, false, NULL));
}
