// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads and writes the era array: see array.h. */
#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include "common/failpoint.h"
#include "store/array.h"
#include "store/crc32c.h"

void array_init(struct array *a, struct engine *e, const struct erad_disk_super *sb)
{
	a->e = e;
	a->start = le64toh(sb->array_start);
	a->pages = le64toh(sb->array_pages);
	a->nr_blocks = le64toh(sb->nr_blocks);
	a->chunk = le32toh(sb->array_chunk);
	a->tag = crc32c(0, sb->uuid, sizeof(sb->uuid));
}

uint32_t array_sector_csum(const struct erad_disk_eras *s)
{
	return crc32c(0, (const char *)s + sizeof(s->csum), sizeof(*s) - sizeof(s->csum));
}

void array_seal(struct erad_disk_eras *sector, uint32_t tag, uint64_t index)
{
	sector->tag = htole32(tag);
	sector->index = htole64(index);
	sector->csum = htole32(array_sector_csum(sector));
}

bool array_sealed(const struct erad_disk_eras *sector, uint32_t tag, uint64_t index)
{
	return le32toh(sector->csum) == array_sector_csum(sector) &&
	       le32toh(sector->tag) == tag && le64toh(sector->index) == index;
}

bool array_sector_valid(const struct array *a, const struct erad_disk_eras *sector, uint64_t index)
{
	static const struct erad_disk_eras never;

	if (!sector->csum && !memcmp(sector, &never, sizeof(never)))
		return true;
	return array_sealed(sector, a->tag, index);
}

uint64_t array_place(const struct array *a, enum array_part part, uint64_t page, uint64_t *nr)
{
	uint64_t at = a->start + page;

	if (a->chunk) {
		const uint64_t left = a->chunk - page % a->chunk;

		if (*nr > left)
			*nr = left;
		at += page / a->chunk * a->chunk + (part == ARRAY_COPY ? a->chunk : 0);
	}
	return at;
}

bool array_hole(const struct array *a, enum array_part part, uint64_t first, uint64_t nr)
{
	while (nr) {
		uint64_t n = nr;
		const uint64_t at = array_place(a, part, first, &n);

		if (!engine_hole(a->e, at * ERAD_PAGE, n * ERAD_PAGE))
			return false;
		first += n;
		nr -= n;
	}
	return true;
}

static int do_io(struct array *a, bool write, enum array_part part, char *buf, uint64_t first,
		 uint64_t nr, struct err *err)
{
	const struct engine_ops *ops = a->e->ops;
	int ret = 0;

	while (nr && !ret) {
		uint64_t n = nr;
		const uint64_t at = array_place(a, part, first, &n), off = at * ERAD_PAGE;

		ret = write ? ops->write(a->e, buf, off, n * ERAD_PAGE) : ops->read(a->e, buf, off, n * ERAD_PAGE);
		if (ret)
			err_set(err, ret, "%s: cannot %s the era array from page %" PRIu64 ": %s",
				a->e->name, write ? "write" : "read", at, strerror(-ret));
		buf += n * ERAD_PAGE;
		first += n;
		nr -= n;
	}
	return ret;
}

int array_read(struct array *a, enum array_part part, void *buf, uint64_t first, uint64_t nr,
	       struct err *err)
{
	return do_io(a, false, part, buf, first, nr, err);
}

int array_write(struct array *a, enum array_part part, void *buf, uint64_t first, uint64_t nr,
		struct err *err)
{
	return do_io(a, true, part, buf, first, nr, err);
}

uint64_t array_sector_end(const struct array *a, uint64_t index)
{
	const uint64_t end = (index + 1) * ERAD_ERAS_PER_SECTOR;

	return end < a->nr_blocks ? end : a->nr_blocks;
}

/*
 * Adds the marks of one sector to the sector s.  Returns the number of blocks that had to be marked
 * because the sector is damaged.
 */
static uint64_t fold_sector(const struct array *a, const struct overlay *o, uint32_t newest,
			    struct erad_disk_eras *s, uint64_t index)
{
	const uint64_t first = index * ERAD_ERAS_PER_SECTOR;
	const uint64_t end = array_sector_end(a, index);
	const bool valid = array_sector_valid(a, s, index);
	unsigned int i;

	for (i = 0; !valid && i < ERAD_ERAS_PER_SECTOR; i++)
		s->era[i] = first + i < end ? htole32(newest) : 0;
	overlay_raise(o, first, end - first, s->era);
	array_seal(s, a->tag, index);
	return valid ? 0 : end - first;
}

uint64_t array_marked_pages(const struct array *a, const struct overlay *o, uint64_t page,
			    uint64_t max)
{
	uint64_t nr, end;

	for (nr = 0; nr < max && page + nr < a->pages; nr++) {
		end = array_sector_end(a, (page + nr + 1) * ARRAY_PAGE_SECTORS - 1);
		if (overlay_find(o, (page + nr) * ERAD_ERAS_PER_PAGE, end) == end)
			break;
	}
	return nr;
}

int array_fold(struct array *a, const struct overlay *o, uint32_t newest, void *buf,
	       uint64_t *over_marked, struct err *err)
{
	uint64_t block = overlay_find(o, 0, a->nr_blocks);
	struct erad_disk_eras *sectors = buf;

	while (block < a->nr_blocks) {
		const uint64_t page = block / ERAD_ERAS_PER_PAGE;
		const uint64_t nr = array_marked_pages(a, o, page, ARRAY_FOLD_PAGES);
		const uint64_t end = array_sector_end(a, (page + nr) * ARRAY_PAGE_SECTORS - 1);
		int ret;

		ret = array_read(a, ARRAY_MAIN, buf, page, nr, err);
		if (ret)
			return ret;
		while (block < end) {
			const uint64_t index = block / ERAD_ERAS_PER_SECTOR;

			*over_marked += fold_sector(a, o, newest,
						    &sectors[index - page * ARRAY_PAGE_SECTORS],
						    index);
			block = overlay_find(o, array_sector_end(a, index), end);
		}
		ret = array_write(a, ARRAY_MAIN, buf, page, nr, err);
		if (ret)
			return ret;
		failpoint(FAILPOINT_FOLD_WROTE);
		block = overlay_find(o, end, a->nr_blocks);
	}
	return 0;
}
