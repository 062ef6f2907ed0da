// SPDX-License-Identifier: GPL-2.0-or-later
/* Copies pages of the era array before they change: see snapshot.h. */
#include <endian.h>
#include <string.h>

#include "store/crc32c.h"
#include "store/snapshot.h"
#include "store/super.h"

/* Pages that are read at a time; the buffer must also hold their copies. */
#define SAVE_PAGES	(ARRAY_FOLD_PAGES / 2)

void snapshot_init(struct snapshot *p, const struct erad_disk_super *sb)
{
	p->era = le32toh(sb->snap_era);
	p->tag = crc32c(crc32c(0, sb->uuid, sizeof(sb->uuid)), &sb->snap_era, sizeof(sb->snap_era));
	p->floor_era = le32toh(sb->snap_floor_era);
	p->lasts = sb->flags & htole32(ERAD_SB_SNAP_LASTS);
	p->nr_sectors = le64toh(sb->snap_nr_sectors);
	p->nr_blocks = super_nr_blocks(p->nr_sectors, le32toh(sb->block_sectors));
	p->pages = super_array_pages(p->nr_blocks);
	bitset_init(&p->saved, p->pages);
}

void snapshot_destroy(struct snapshot *p, struct nodes *to)
{
	p->saved.pool = to;
	bitset_destroy(&p->saved);
}

static void copy_sector(const struct snapshot *p, const struct array *a,
			struct erad_disk_eras *copy, const struct erad_disk_eras *from,
			uint64_t index)
{
	const bool valid = array_sector_valid(a, from, index);
	unsigned int i;

	if (array_sealed(copy, p->tag, index))
		return;
	for (i = 0; i < ERAD_ERAS_PER_SECTOR; i++) {
		const uint32_t era = le32toh(from->era[i]);

		/*
		 * If an entry is newer than the snapshot, the sector has changed since the
		 * snapshot, and its copy is damaged.
		 */
		copy->era[i] = htole32(valid && era <= p->era ? era : p->era);
	}
	array_seal(copy, p->tag, index);
}

/*
 * Finds the next pages, from *block on, that follow each other and contain blocks of o, but have no
 * durable copy.  Returns their number, or 0 if there are none.  Sets *block to the first block of o
 * in them.
 */
static uint64_t unsaved_pages(const struct snapshot *p, const struct array *a,
			      const struct overlay *o, uint64_t *block)
{
	uint64_t page, nr, end;

	for (;;) {
		*block = overlay_find(o, *block, a->nr_blocks);
		page = *block / ERAD_ERAS_PER_PAGE;
		if (*block == a->nr_blocks || page >= p->pages)
			return 0;
		end = bitset_find(&p->saved, page, p->pages, false);
		if (end == page)
			break;
		*block = end * ERAD_ERAS_PER_PAGE;
		if (*block > a->nr_blocks)
			*block = a->nr_blocks;
	}
	nr = array_marked_pages(a, o, page, SAVE_PAGES);
	end = page + nr < p->pages ? page + nr : p->pages;
	return bitset_find(&p->saved, page, end, true) - page;
}

int snapshot_save(const struct snapshot *p, struct array *a, const struct overlay *o, void *buf,
		  bool *wrote, struct err *err)
{
	struct erad_disk_eras *from = buf, *copy = from + SAVE_PAGES * ARRAY_PAGE_SECTORS;
	uint64_t block = 0, nr;

	*wrote = false;
	while ((nr = unsaved_pages(p, a, o, &block))) {
		const uint64_t page = block / ERAD_ERAS_PER_PAGE;
		const uint64_t first = page * ARRAY_PAGE_SECTORS;
		uint64_t i;
		int ret;

		ret = array_read(a, ARRAY_MAIN, from, page, nr, err);
		if (!ret)
			ret = array_read(a, ARRAY_COPY, copy, page, nr, err);
		if (ret)
			return ret;
		for (i = 0; i < nr * ARRAY_PAGE_SECTORS; i++)
			copy_sector(p, a, &copy[i], &from[i], first + i);
		*wrote = true;
		ret = array_write(a, ARRAY_COPY, copy, page, nr, err);
		if (ret)
			return ret;
		block = array_sector_end(a, (page + nr) * ARRAY_PAGE_SECTORS - 1);
	}
	return 0;
}

void snapshot_saved(struct snapshot *p, const struct array *a, const struct overlay *o,
		    struct nodes *pool)
{
	uint64_t block = 0, nr;

	p->saved.pool = pool;
	while ((nr = unsaved_pages(p, a, o, &block))) {
		const uint64_t page = block / ERAD_ERAS_PER_PAGE;

		if (bitset_set(&p->saved, page, nr))
			break;
		block = array_sector_end(a, (page + nr) * ARRAY_PAGE_SECTORS - 1);
	}
	p->saved.pool = NULL;
}

/*
 * Read the array before the copies.  A page is copied before it changes.  So if there is no copy of
 * a page after the array was read, the page had not changed when the array was read.
 */
int snapshot_read(const struct snapshot *p, struct array *a, void *buf, void *copies,
		  uint64_t first, uint64_t nr, struct err *err)
{
	struct erad_disk_eras *sector = buf, *copy = copies;
	uint64_t i;
	int ret;

	ret = array_read(a, ARRAY_MAIN, buf, first, nr, err);
	if (ret || array_hole(a, ARRAY_COPY, first, nr))
		return ret;
	ret = array_read(a, ARRAY_COPY, copies, first, nr, err);
	for (i = 0; i < nr * ARRAY_PAGE_SECTORS && !ret; i++) {
		const uint64_t index = first * ARRAY_PAGE_SECTORS + i;

		if (!array_sealed(&copy[i], p->tag, index))
			continue;
		sector[i] = copy[i];
		array_seal(&sector[i], a->tag, index);
	}
	return ret;
}
