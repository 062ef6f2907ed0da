// SPDX-License-Identifier: GPL-2.0-or-later
/* Repairs the era array: see repair_array.h. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "store/engine.h"
#include "store/overlay.h"
#include "store/repair_array.h"
#include "store/snapshot.h"

/*
 * Reads pages into r->buf.  Adds a page that cannot be read to r->unreadable, and fills its part of
 * the buffer with garbage.
 */
static int read_or_garble(struct repair *r, uint64_t page, uint64_t nr, struct err *err)
{
	struct err why;
	uint64_t i;
	int ret;

	if (!array_read(&r->array, ARRAY_MAIN, r->buf, page, nr, NULL))
		return 0;
	for (i = 0; i < nr; i++) {
		struct erad_disk_eras *buf = &r->buf[i * ARRAY_PAGE_SECTORS];

		ret = array_read(&r->array, ARRAY_MAIN, buf, page + i, 1, &why);
		if (ret && ret != -EIO)
			return err_set(err, ret, "%s", why.msg);
		if (!ret)
			continue;
		repair_fill_garbage(buf);
		if (bitset_set(&r->unreadable, page + i, 1))
			return repair_no_memory(r, err);
	}
	return 0;
}

/* Returns the newest era in a sector, or UINT32_MAX if the sector is not valid. */
static uint32_t newest_in(const struct repair *r, const struct erad_disk_eras *e, uint64_t index)
{
	uint32_t newest = 0;
	unsigned int i;

	if (!array_sector_valid(&r->array, e, index))
		return UINT32_MAX;
	for (i = 0; i < ERAD_ERAS_PER_SECTOR; i++)
		if (le32toh(e->era[i]) > newest)
			newest = le32toh(e->era[i]);
	return newest;
}

int repair_scan_array(struct repair *r, struct err *err)
{
	uint64_t page, nr, i;
	int ret = 0;

	for (page = 0; page < r->array.pages; page += nr) {
		nr = r->array.pages - page;
		if (nr > REPAIR_CHUNK)
			nr = REPAIR_CHUNK;
		if (array_hole(&r->array, ARRAY_MAIN, page, nr))
			continue;
		ret = read_or_garble(r, page, nr, err);
		if (ret)
			return ret;
		for (i = 0; i < nr * ARRAY_PAGE_SECTORS; i++) {
			const uint64_t index = page * ARRAY_PAGE_SECTORS + i;
			const uint32_t newest = newest_in(r, &r->buf[i], index);

			if (newest == UINT32_MAX) {
				if (bitset_set(&r->bad, index, 1))
					return repair_no_memory(r, err);
			} else if (newest > r->era) {
				r->era = newest;
				r->raised = true;
			}
		}
	}
	return 0;
}

/* Marks all blocks of the sector as written now. */
static void rewrite_sector(struct repair *r, struct erad_disk_eras *e, uint64_t index)
{
	const bool known = newest_in(r, e, index) != UINT32_MAX;
	const uint64_t first = index * ERAD_ERAS_PER_SECTOR, end = array_sector_end(&r->array, index);
	uint64_t b;

	for (b = first; b < end; b++)
		if (!known || le32toh(e->era[b - first]) < r->era)
			r->out->over_marked++;
	memset(e, 0, sizeof(*e));
	for (b = first; b < end; b++)
		e->era[b - first] = htole32(r->era);
	if (first < end)
		array_seal(e, r->array.tag, index);
}

static void say_bad(struct repair *r, uint64_t from, uint64_t to)
{
	const uint64_t first = from * ERAD_ERAS_PER_SECTOR, end = array_sector_end(&r->array, to - 1);
	uint64_t one = 1;

	const uint64_t page = array_place(&r->array, ARRAY_MAIN, from / ARRAY_PAGE_SECTORS, &one);
	const uint64_t blocks = end > first ? end - first : 0;

	if (to - from == 1)
		repair_say(r, "%s: era array sector %" PRIu64 " (page %" PRIu64 " of the metadata) was damaged: %"
		    PRIu64 " block%s from block %" PRIu64 " count as written in era %" PRIu32,
		    r->e->name, from, page, blocks, blocks == 1 ? "" : "s", first, r->era);
	else
		repair_say(r, "%s: era array sectors %" PRIu64 " to %" PRIu64 " (from page %" PRIu64
		    " of the metadata) were damaged: %" PRIu64 " blocks from block %" PRIu64
		    " count as written in era %" PRIu32, r->e->name, from, to - 1, page, blocks, first,
		    r->era);
}

/*
 * Writes garbage to the unreadable pages.  A page that cannot be read can often be written, and can
 * be read after the write.  The repair replaces the garbage later.
 */
static int overwrite_unreadable(struct repair *r, struct err *err)
{
	uint64_t page;
	int ret = 0;

	repair_fill_garbage(r->buf);
	for (page = bitset_find(&r->unreadable, 0, r->array.pages, true); page < r->array.pages && !ret;
	     page = bitset_find(&r->unreadable, page + 1, r->array.pages, true))
		ret = array_write(&r->array, ARRAY_MAIN, r->buf, page, 1, err);
	return ret;
}

/*
 * Saves the pages that change as copies for the snapshot, because the snapshot still shows the eras
 * that are not damaged.
 */
static int save_snapshot(struct repair *r, struct err *err)
{
	struct nodes nodes = { 0 };
	struct overlay o = { .nr_blocks = r->array.nr_blocks, .pool = &nodes };
	struct snapshot p;
	uint64_t i, b;
	bool wrote;
	int ret = 0;

	if (!r->sb.snap_era)
		return 0;
	snapshot_init(&p, &r->sb);
	for (i = bitset_find(&r->bad, 0, repair_sectors(r), true); i < repair_sectors(r) && !ret;
	     i = bitset_find(&r->bad, i + 1, repair_sectors(r), true)) {
		b = i * ERAD_ERAS_PER_SECTOR;
		if (b < r->array.nr_blocks && overlay_add_all(&o, 1, &(struct run){ b, 1 }, 1))
			ret = repair_no_memory(r, err);
	}
	if (!ret)
		ret = snapshot_save(&p, &r->array, &o, r->buf, &wrote, err);
	overlay_destroy(&o, &nodes);
	snapshot_destroy(&p, &nodes);
	nodes_free(&nodes);
	if (!ret && r->e->ops->flush(r->e))
		ret = err_set(err, -EIO, "%s: cannot flush the snapshot's pages", r->e->name);
	return ret;
}

static int rewrite_bad(struct repair *r, struct err *err)
{
	const uint64_t end = repair_sectors(r);
	uint64_t i, page, nr, last;
	int ret = 0;

	for (i = bitset_find(&r->bad, 0, end, true); i < end && !ret;
	     i = bitset_find(&r->bad, last, end, true)) {
		page = i / ARRAY_PAGE_SECTORS;
		nr = r->array.pages - page;
		if (nr > REPAIR_CHUNK)
			nr = REPAIR_CHUNK;
		/* Handle several bad sectors at once only if no good sector is between them. */
		last = bitset_find(&r->bad, i, end, false);
		if (nr > (last - 1) / ARRAY_PAGE_SECTORS + 1 - page)
			nr = (last - 1) / ARRAY_PAGE_SECTORS + 1 - page;
		if (last > (page + nr) * ARRAY_PAGE_SECTORS)
			last = (page + nr) * ARRAY_PAGE_SECTORS;
		ret = array_read(&r->array, ARRAY_MAIN, r->buf, page, nr, err);
		for (; i < last && !ret; i++)
			rewrite_sector(r, &r->buf[i - page * ARRAY_PAGE_SECTORS], i);
		if (!ret)
			ret = array_write(&r->array, ARRAY_MAIN, r->buf, page, nr, err);
	}
	if (!ret && r->e->ops->flush(r->e))
		ret = err_set(err, -EIO, "%s: cannot flush the era array", r->e->name);
	return ret;
}

int repair_array(struct repair *r, struct err *err)
{
	const uint64_t end = repair_sectors(r);
	uint64_t from, to;
	int ret;

	ret = overwrite_unreadable(r, err);
	if (!ret)
		ret = save_snapshot(r, err);
	if (!ret)
		ret = rewrite_bad(r, err);
	if (ret)
		return ret;
	for (from = bitset_find(&r->bad, 0, end, true); from < end;
	     from = bitset_find(&r->bad, to, end, true)) {
		to = bitset_find(&r->bad, from, end, false);
		say_bad(r, from, to);
	}
	return 0;
}
