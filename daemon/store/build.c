// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes new metadata with a filled era array: see build.h. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/array.h"
#include "store/build.h"
#include "store/format.h"
#include "store/history_copy.h"

/*
 * Number of pages of the array that are in memory.  The number is small, because with blocks in
 * random order, each block may need other pages.
 */
#define WINDOW_PAGES	16u

struct build {
	struct engine *e;
	struct erad_disk_super sb;
	struct array array;
	struct erad_disk_eras *window;
	struct erad_disk_history *history;	/* NULL: the history is empty */
	/* First page of the array in memory, and number of pages in memory. */
	uint64_t first, nr;
	bool dirty;
};

int build_begin(struct engine *e, const struct store_geometry *g, uint32_t era,
		struct build **out, struct err *err)
{
	struct build *b;
	int ret;

	*out = NULL;
	if (era == UINT32_MAX)
		return err_set(err, -EOVERFLOW, "%s: there is no era %" PRIu32 ", the last is %"
			       PRIu32, e->name, era, UINT32_MAX - 1);
	b = calloc(1, sizeof(*b));
	if (!b)
		return err_set(err, -ENOMEM, "%s: out of memory", e->name);
	b->e = e;
	b->window = aligned_alloc(ERAD_PAGE, WINDOW_PAGES * ERAD_PAGE);
	if (b->window)
		ret = format_layout(e, g, &b->sb, err);
	else
		ret = err_set(err, -ENOMEM, "%s: out of memory", e->name);
	if (!ret)
		ret = format_wipe(e, &b->sb, NULL, NULL, err);
	if (ret) {
		build_cancel(b);
		return ret;
	}
	b->sb.era = htole32(era);
	array_init(&b->array, e, &b->sb);
	*out = b;
	return 0;
}

void build_cancel(struct build *b)
{
	if (!b)
		return;
	free(b->window);
	free(b->history);
	free(b);
}

/*
 * Returns whether an entry of the sector contains an era.  Sectors without eras are not written, so
 * that metadata with the same eras always has the same bytes.
 */
static bool any_written(const struct erad_disk_eras *sector)
{
	unsigned int i;

	for (i = 0; i < ERAD_ERAS_PER_SECTOR; i++)
		if (sector->era[i])
			return true;
	return false;
}

static int write_window(struct build *b, struct err *err)
{
	uint64_t i;

	if (!b->dirty)
		return 0;
	b->dirty = false;
	for (i = 0; i < b->nr * ARRAY_PAGE_SECTORS; i++)
		if (any_written(&b->window[i]))
			array_seal(&b->window[i], b->array.tag, b->first * ARRAY_PAGE_SECTORS + i);
	return array_write(&b->array, ARRAY_MAIN, b->window, b->first, b->nr, err);
}

static int move_window(struct build *b, uint64_t page, struct err *err)
{
	int ret;

	ret = write_window(b, err);
	if (ret)
		return ret;
	b->first = page - page % WINDOW_PAGES;
	b->nr = b->array.pages - b->first;
	if (b->nr > WINDOW_PAGES)
		b->nr = WINDOW_PAGES;
	if (array_hole(&b->array, ARRAY_MAIN, b->first, b->nr))
		memset(b->window, 0, b->nr * ERAD_PAGE);
	else
		ret = array_read(&b->array, ARRAY_MAIN, b->window, b->first, b->nr, err);
	if (ret)
		b->nr = 0;
	return ret;
}

int build_put(struct build *b, uint64_t first, uint64_t len, uint32_t era, struct err *err)
{
	const uint64_t nr_blocks = b->array.nr_blocks;
	uint64_t end;
	int ret;

	if (len > nr_blocks || first > nr_blocks - len)
		return err_set(err, -EINVAL, "%s: got %" PRIu64 " blocks from block %" PRIu64
			       ", expected blocks below block %" PRIu64, b->e->name, len, first,
			       nr_blocks);
	if (era > le32toh(b->sb.era))
		return err_set(err, -EINVAL, "%s: got era %" PRIu32 ", expected at most %" PRIu32,
			       b->e->name, era, le32toh(b->sb.era));
	for (end = first + len; first < end && era; first++) {
		const uint64_t page = first / ERAD_ERAS_PER_PAGE;
		__le32 *entry;

		if (page < b->first || page - b->first >= b->nr) {
			ret = move_window(b, page, err);
			if (ret)
				return ret;
		}
		entry = &b->window[first / ERAD_ERAS_PER_SECTOR - b->first * ARRAY_PAGE_SECTORS]
				.era[first % ERAD_ERAS_PER_SECTOR];
		if (le32toh(*entry) < era) {
			*entry = htole32(era);
			b->dirty = true;
		}
	}
	return 0;
}

void build_floor(struct build *b, uint32_t era)
{
	b->sb.floor_era = htole32(era);
}

int build_notes(struct build *b, const struct store_notes *notes)
{
	if (!b->history)
		b->history = aligned_alloc(ERAD_PAGE, sizeof(*b->history));
	if (!b->history)
		return -ENOMEM;
	memset(b->history, 0, sizeof(*b->history));
	memcpy(b->history->item, notes->item, sizeof(notes->item));
	memcpy(b->history->seal, notes->seal, sizeof(notes->seal));
	if (notes->sealed)
		b->sb.flags |= htole32(ERAD_SB_SEALED);
	else
		b->sb.flags &= ~htole32(ERAD_SB_SEALED);
	return 0;
}

int build_end(struct build *b, struct err *err)
{
	int ret;

	ret = write_window(b, err);
	if (!ret && b->history) {
		/* format_finish() flushes before it writes the superblocks, which name the history. */
		ret = history_write(b->e, &b->sb, b->history);
		if (ret)
			err_set(err, ret, "%s: cannot write the history: %s", b->e->name, strerror(-ret));
	}
	if (!ret)
		ret = format_finish(b->e, &b->sb, err);
	build_cancel(b);
	return ret;
}
