// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads everything that a reader of a store can read: see picture.h. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "picture.h"
#include "common/bookmark.h"
#include "common/witness.h"
#include "store/bookmarks.h"
#include "store/history.h"
#include "store/moment.h"

static int see_extent(void *ctx, uint64_t first, uint64_t len)
{
	struct seen *s = ctx;

	expect(len > 0 && len <= s->nr_blocks && first <= s->nr_blocks - len);
	/*
	 * Check that the next extent does not touch the last one: extents that touch must have been
	 * merged.
	 */
	expect(!s->end || first > s->end);
	memset(s->block + first, 1, len);
	s->end = first + len;
	return 0;
}

void picture_read(struct store *s, enum store_view view, uint32_t since, uint64_t nr_blocks, struct seen *seen)
{
	struct err err = { "" };

	expect(nr_blocks > 0 && nr_blocks <= BLOCKS_MAX);
	seen->nr_blocks = nr_blocks;
	seen->end = 0;
	memset(seen->block, 0, nr_blocks);
	expect(!store_diff_view(s, view, since, see_extent, seen, &err));
	expect(!err.msg[0]);
}

bool picture_within(const struct seen *a, const struct seen *b)
{
	const uint64_t nr = a->nr_blocks < b->nr_blocks ? a->nr_blocks : b->nr_blocks;
	uint64_t i;

	for (i = 0; i < nr; i++)
		if (a->block[i] && !b->block[i])
			return false;
	return true;
}

static void check_info(const struct store_info *i, const struct mem *m)
{
	expect(i->block_sectors && i->block_sectors % 8 == 0);
	expect(i->nr_blocks == i->nr_sectors / i->block_sectors + !!(i->nr_sectors % i->block_sectors));
	expect(i->era < UINT32_MAX);
	expect(i->size_pages <= m->size / ERAD_PAGE);
	expect(i->journal_used <= i->journal_pages);
	expect(i->used_pages <= i->size_pages);
	expect(i->snapshot_era <= i->era);
	expect(i->floor_era <= i->era);
	expect(!i->clean || i->journal_used == 0 || i->commits);
}

static uint64_t snapshot_blocks(const struct store_info *i)
{
	return i->snapshot_sectors / i->block_sectors + !!(i->snapshot_sectors % i->block_sectors);
}

void picture_bookmarks(struct store *s)
{
	static struct store_bookmark bookmark[ERAD_BOOKMARKS];
	const unsigned int nr = store_bookmarks(s, bookmark);

	expect(nr <= ERAD_BOOKMARKS);
	for (unsigned int i = 0; i < nr; i++) {
		expect(!bookmark_check_name(bookmark[i].name, NULL));
		expect(!i || strcmp(bookmark[i - 1].name, bookmark[i].name) < 0);
		store_check_token(s, &bookmark[i].token, NULL);
	}
}

/*
 * Reads the newest era of each place of the witness, as the comparison after a crash does.
 */
static void read_witness(struct store *s, const struct store_info *info)
{
	union {
		uint8_t item[ERAD_HISTORY_ITEM];
		struct witness w;
	} kept;
	uint32_t era, newest;

	store_item(s, STORE_WITNESS, kept.item);
	for (uint32_t i = 0; witness_valid(&kept.w) && i < le32toh(kept.w.nr); i++) {
		const uint64_t block = le64toh(kept.w.place[i].offset) / ERAD_SECTOR / info->block_sectors;
		const uint64_t len = le32toh(kept.w.place[i].length) / ERAD_SECTOR;
		const int ret = store_newest_era(s, block, len, &era, NULL);

		expect(ret == (len && block < info->nr_blocks && len <= info->nr_blocks - block ? 0 : -ERANGE));
	}
	/* Check that the newest era of two blocks is the newer one of their eras. */
	expect(!store_newest_era(s, 0, 1, &era, NULL));
	if (info->nr_blocks > 1) {
		expect(!store_newest_era(s, 1, 1, &newest, NULL));
		if (newest < era)
			newest = era;
		expect(!store_newest_era(s, 0, 2, &era, NULL) && era == newest);
	}
}

/* Checks that the history is in order, and agrees with the rest of the metadata. */
static void read_history(struct store *s, const struct store_info *info)
{
	static uint8_t seal[ERAD_HISTORY_SEAL];
	uint64_t total[ERAD_GAP_KINDS], number;
	struct store_gap gap[ERAD_GAPS];
	const unsigned int nr = store_gaps(s, gap);
	int ret;

	expect(nr <= ERAD_GAPS);
	for (unsigned int i = 0; i < nr; i++) {
		expect(store_gap_name(gap[i].kind)[0] && gap[i].era <= info->floor_era);
		expect(strlen(gap[i].detail) <= ERAD_GAP_DETAIL);
	}
	store_gap_totals(s, total);
	ret = store_seal(s, seal);
	expect(!ret || ret == -ENOENT);
	number = store_timeline(s, info->era);
	if (number) {
		expect(store_timelines_since(s) <= info->era);
		ret = store_moment(s, number, info->era);
		/*
		 * Accept MOMENT_OTHER_ERA, too, because hostile metadata may have two timelines
		 * with the same number.
		 */
		expect(ret == MOMENT_KNOWN || ret == MOMENT_OTHER_ERA);
	}
	store_moment(s, 99, 1);
	picture_bookmarks(s);
	read_witness(s, info);
}

void picture_take(struct store *s, const struct mem *m, const struct picture *before,
			 struct picture *p)
{
	unsigned int i;

	store_info(s, &p->info);
	check_info(&p->info, m);
	read_history(s, &p->info);
	p->since[0] = p->info.era ? 1 : 0;
	p->since[1] = p->info.era / 2;
	p->since[2] = p->info.era;
	if (before)
		memcpy(p->since, before->since, sizeof(p->since));
	for (i = 0; i < NR_SINCE; i++) {
		picture_read(s, STORE_NOW, p->since[i], p->info.nr_blocks, &p->now[i]);
		if (i && p->since[i] > p->since[i - 1])
			expect(picture_within(&p->now[i], &p->now[i - 1]));
	}
	expect(store_diff(s, p->info.era + 1, see_extent, NULL, NULL) == -EINVAL);
	if (!p->info.snapshot_era) {
		expect(store_diff_view(s, STORE_SNAPSHOT, 1, see_extent, NULL, NULL) == -ENOENT);
		return;
	}
	picture_read(s, STORE_SNAPSHOT, 1, snapshot_blocks(&p->info), &p->snapshot);
	expect(store_diff_view(s, STORE_SNAPSHOT, p->info.snapshot_era + 1, see_extent, NULL, NULL) ==
	       -EINVAL);
}

void picture_expect_same(const struct picture *a, const struct picture *b)
{
	unsigned int i;

	expect(a->info.era == b->info.era && a->info.nr_sectors == b->info.nr_sectors);
	for (i = 0; i < NR_SINCE; i++)
		expect(!memcmp(a->now[i].block, b->now[i].block, a->info.nr_blocks));
	if (a->info.snapshot_era && b->info.snapshot_era) {
		expect(a->info.snapshot_era == b->info.snapshot_era);
		expect(!memcmp(a->snapshot.block, b->snapshot.block, a->snapshot.nr_blocks));
	}
}
