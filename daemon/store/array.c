// SPDX-License-Identifier: GPL-2.0-or-later
/* The era array: see array.h. */
#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include "store/array.h"
#include "store/crc32c.h"

void array_init(struct array *a, struct engine *e, const struct erad_disk_super *sb)
{
	a->e = e;
	a->start = le64toh(sb->array_start);
	a->pages = le64toh(sb->array_pages);
	a->nr_blocks = le64toh(sb->nr_blocks);
	a->tag = crc32c(0, sb->uuid, sizeof(sb->uuid));
}

uint32_t array_sector_csum(const struct erad_disk_eras *s)
{
	return crc32c(0, (const char *)s + sizeof(s->csum), sizeof(*s) - sizeof(s->csum));
}

bool array_sector_valid(const struct array *a, const struct erad_disk_eras *sector, uint64_t index)
{
	static const struct erad_disk_eras never;

	if (!sector->csum && !memcmp(sector, &never, sizeof(never)))
		return true;
	return le32toh(sector->csum) == array_sector_csum(sector) && le32toh(sector->tag) == a->tag &&
	       le64toh(sector->index) == index;
}

bool array_hole(const struct array *a, uint64_t first, uint64_t nr)
{
	return engine_hole(a->e, (a->start + first) * ERAD_PAGE, nr * ERAD_PAGE);
}

int array_read(struct array *a, void *buf, uint64_t first, uint64_t nr, struct err *err)
{
	const uint64_t off = (a->start + first) * ERAD_PAGE;
	int ret;

	ret = a->e->ops->read(a->e, buf, off, nr * ERAD_PAGE);
	if (ret)
		err_set(err, ret, "%s: reading the era array from page %" PRIu64 ": %s",
			a->e->name, a->start + first, strerror(-ret));
	return ret;
}

uint64_t array_sector_end(const struct array *a, uint64_t index)
{
	const uint64_t end = (index + 1) * ERAD_ERAS_PER_SECTOR;

	return end < a->nr_blocks ? end : a->nr_blocks;
}

/* The marks of one sector.  Returns how many blocks had to be marked for its damage. */
static uint64_t fold_sector(const struct array *a, const struct overlay *o, uint32_t newest,
			    struct erad_disk_eras *s, uint64_t index)
{
	const uint64_t first = index * ERAD_ERAS_PER_SECTOR;
	const uint64_t end = array_sector_end(a, index);
	const struct overlay_era *oe;
	uint64_t over = 0, b, to;

	if (!array_sector_valid(a, s, index)) {
		memset(s, 0, sizeof(*s));
		for (over = 0; over < end - first; over++)
			s->era[over] = htole32(newest);
	}
	for (oe = o->newest; oe; oe = oe->older) {
		for (b = bitset_find(&oe->blocks, first, end, true); b < end;
		     b = bitset_find(&oe->blocks, to, end, true)) {
			to = bitset_find(&oe->blocks, b, end, false);
			for (; b < to; b++)
				if (le32toh(s->era[b - first]) < oe->era)
					s->era[b - first] = htole32(oe->era);
		}
	}
	s->tag = htole32(a->tag);
	s->index = htole64(index);
	s->csum = htole32(array_sector_csum(s));
	return over;
}

/* How many pages from this one on, up to max, all have marks. */
static uint64_t marked_pages(const struct array *a, const struct overlay *o, uint64_t page,
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
		const uint64_t nr = marked_pages(a, o, page, ARRAY_FOLD_PAGES);
		const uint64_t end = array_sector_end(a, (page + nr) * ARRAY_PAGE_SECTORS - 1);
		int ret;

		ret = array_read(a, buf, page, nr, err);
		if (ret)
			return ret;
		while (block < end) {
			const uint64_t index = block / ERAD_ERAS_PER_SECTOR;

			*over_marked += fold_sector(a, o, newest,
						    &sectors[index - page * ARRAY_PAGE_SECTORS],
						    index);
			block = overlay_find(o, array_sector_end(a, index), end);
		}
		ret = a->e->ops->write(a->e, buf, (a->start + page) * ERAD_PAGE, nr * ERAD_PAGE);
		if (ret)
			return err_set(err, ret, "%s: writing the era array from page %" PRIu64
				       ": %s", a->e->name, a->start + page, strerror(-ret));
		block = overlay_find(o, end, a->nr_blocks);
	}
	return 0;
}
