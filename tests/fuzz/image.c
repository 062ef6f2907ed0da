// SPDX-License-Identifier: GPL-2.0-or-later
/* Converts a fuzzer's input into metadata, and back: see image.h. */
#include <endian.h>
#include <string.h>

#include "fuzz.h"
#include "image.h"
#include "store/array.h"
#include "store/crc32c.h"
#include "store/journal_page.h"

#define ITEMS_MAX	80u

const struct store_geometry image_geometry = {
	.uuid = { 1, 2, 3 }, .nr_sectors = IMAGE_BLOCKS * 8 - 3, .block_sectors = 8,
	.journal_pages = IMAGE_RING, .chunk_pages = 1,
};

/* A parsed input.  The bytes are not copied. */
struct parsed {
	struct image_head head;
	unsigned int nr;
	struct image_item item[ITEMS_MAX];
	const uint8_t *bytes[ITEMS_MAX];
	unsigned int len[ITEMS_MAX];
};

static enum image_part part_of(unsigned int page)
{
	if (page < ERAD_JOURNAL_START)
		return IMAGE_SUPER;
	return page < IMAGE_ARRAY ? IMAGE_JOURNAL : IMAGE_ALL & ~(IMAGE_SUPER | IMAGE_JOURNAL);
}

static unsigned int room(unsigned int page)
{
	return part_of(page) == IMAGE_JOURNAL ? ERAD_PAGE : ERAD_SECTOR;
}

static void parse(const uint8_t *data, size_t size, struct parsed *p)
{
	memset(p, 0, sizeof(*p));
	if (size < sizeof(p->head))
		return;
	memcpy(&p->head, data, sizeof(p->head));
	data += sizeof(p->head);
	size -= sizeof(p->head);
	while (size >= sizeof(struct image_item) && p->nr < ITEMS_MAX) {
		struct image_item *i = &p->item[p->nr];
		unsigned int len;

		memcpy(i, data, sizeof(*i));
		i->page %= MEM_PAGES;
		data += sizeof(*i);
		size -= sizeof(*i);
		len = (i->len[0] | i->len[1] << 8) % (room(i->page) + 1);
		if (len > size)
			len = size;
		p->bytes[p->nr] = data;
		p->len[p->nr++] = len;
		data += len;
		size -= len;
	}
}

static uint8_t *start(struct mem *m, const struct image_item *i)
{
	uint8_t *page = m->image + i->page * ERAD_PAGE;

	return part_of(i->page) == IMAGE_JOURNAL ? page : page + (i->flags & ITEM_SECTOR) * ERAD_SECTOR;
}

static struct erad_disk_history *history_at(struct mem *m, unsigned int page)
{
	page -= (page - ERAD_HISTORY) % ERAD_HISTORY_PAGES;
	return (void *)(m->image + page * ERAD_PAGE);
}

static bool is_history(unsigned int page)
{
	return page >= ERAD_HISTORY && page < ERAD_JOURNAL_START;
}

static void set_identity(struct mem *m, const struct image_item *i)
{
	const struct erad_disk_super *a = (void *)m->image, *b = (void *)(m->image + ERAD_PAGE);
	const struct erad_disk_super *sb = le64toh(a->seq) > le64toh(b->seq) ? a : b;
	const unsigned int page = (i->page - IMAGE_ARRAY) / 2;
	struct erad_disk_eras *eras = (void *)start(m, i);
	uint32_t tag = crc32c(0, image_geometry.uuid, 16);

	switch (part_of(i->page)) {
	case IMAGE_SUPER:
		if (is_history(i->page))
			history_at(m, i->page)->seq = sb->history_seq;
		if (i->page == ERAD_DEGRADE && !(i->flags & ITEM_SECTOR)) {
			struct erad_disk_degrade *record = (void *)start(m, i);

			record->version = htole32(ERAD_FORMAT_VERSION);
			memcpy(record->magic, ERAD_DEGRADE_MAGIC, sizeof(record->magic));
			memcpy(record->uuid, image_geometry.uuid, sizeof(record->uuid));
		}
		break;
	case IMAGE_JOURNAL:
		memcpy(((struct erad_disk_journal *)start(m, i))->uuid, image_geometry.uuid, 16);
		break;
	default:
		if ((i->page - IMAGE_ARRAY) % 2)
			tag = crc32c(tag, &sb->snap_era, sizeof(sb->snap_era));
		array_seal(eras, tag, page * ARRAY_PAGE_SECTORS + (i->flags & ITEM_SECTOR));
	}
}

/* Sets the checksum over all pages of the group that follow. */
static void set_group(struct mem *m, const struct image_item *i)
{
	struct erad_disk_journal *ring = (void *)(m->image + ERAD_JOURNAL_START * ERAD_PAGE), *page;
	const unsigned int at = i->page - ERAD_JOURNAL_START;
	uint32_t crc = 0;
	unsigned int n;

	page = &ring[at];
	if (page->count == 0 || page->count > ERAD_GROUP_MAX || page->index >= page->count)
		return;
	for (n = 0; n < page->count; n++)
		crc = crc32c(crc, ring[(at + IMAGE_RING - page->index + n) % IMAGE_RING].payload,
			     sizeof(page->payload));
	page->group = htole32(crc);
}

static void set_csum(struct mem *m, const struct image_item *i)
{
	uint8_t *p = start(m, i);
	unsigned int len = room(i->page);
	uint32_t crc;

	if (is_history(i->page)) {
		p = (uint8_t *)history_at(m, i->page);
		len = ERAD_HISTORY_PAGES * ERAD_PAGE;
	}
	crc = htole32(crc32c(0, p + 4, len - 4));

	memcpy(p, &crc, sizeof(crc));
}

void image_format(struct mem *m)
{
	struct engine *e;

	memset(m, 0, sizeof(*m));
	m->size = store_size(&image_geometry, NULL);
	e = mem_engine(m);
	expect(!store_format(e, &image_geometry, NULL, NULL, NULL));
	engine_destroy(e);
}

void image_build(struct mem *m, const uint8_t *data, size_t size, enum image_part parts,
		 struct image_head *head)
{
	static const uint8_t pass[] = { 0, ITEM_IDENTITY, ITEM_GROUP, ITEM_CSUM };
	struct parsed p;
	unsigned int i, n;

	parse(data, size, &p);
	*head = p.head;
	/*
	 * The engine ends after these pages. Items after the end are built, but no reader can read
	 * them.
	 */
	m->size = p.head.pages % (MEM_PAGES + 1) * (uint64_t)ERAD_PAGE;
	for (n = 0; n < sizeof(pass); n++) {
		for (i = 0; i < p.nr; i++) {
			const struct image_item *item = &p.item[i];

			if (!(part_of(item->page) & parts))
				continue;
			if (n == 0) {
				memset(start(m, item), 0, room(item->page));
				memcpy(start(m, item), p.bytes[i], p.len[i]);
			} else if (!(item->flags & pass[n])) {
				continue;
			} else if (pass[n] == ITEM_IDENTITY) {
				set_identity(m, item);
			} else if (pass[n] == ITEM_CSUM) {
				set_csum(m, item);
			} else if (part_of(item->page) == IMAGE_JOURNAL) {
				set_group(m, item);
			}
		}
	}
}

static size_t put(uint8_t *data, size_t at, size_t max, struct image_item item,
		  const uint8_t *bytes, unsigned int len)
{
	if (at + sizeof(item) + len > max)
		return at;
	item.len[0] = len;
	item.len[1] = len >> 8;
	memcpy(data + at, &item, sizeof(item));
	if (len)
		memcpy(data + at + sizeof(item), bytes, len);
	return at + sizeof(item) + len;
}

size_t image_encode(const struct mem *m, const struct image_head *head, enum image_part parts,
		    uint8_t *data, size_t max)
{
	size_t at = sizeof(*head);
	unsigned int page, off;

	memcpy(data, head, sizeof(*head));
	for (page = 0; page < m->size / ERAD_PAGE; page++) {
		const unsigned int step = room(page);

		for (off = 0; off < ERAD_PAGE && part_of(page) & parts; off += step) {
			const uint8_t *bytes = m->image + page * ERAD_PAGE + off;
			struct image_item item = { .page = page };
			unsigned int len = step;

			while (len && !bytes[len - 1])
				len--;
			item.flags = ITEM_CSUM | ITEM_IDENTITY | ITEM_GROUP | off / ERAD_SECTOR;
			if (len)
				at = put(data, at, max, item, bytes, len);
		}
	}
	return at;
}

/* ---- mutation ---- */

static unsigned int below(unsigned int *seed, unsigned int n)
{
	return (unsigned int)rand_r(seed) % n;
}

/* Sets a field of a structure to an unusual value. */
static void set_field(uint8_t *bytes, unsigned int len, unsigned int *seed)
{
	static const uint64_t nice[] = {
		0, 1, 2, 3, 4, 16, 18, 22, 123, 124, 125, 127, 128, 255, 256, 992, 1499, 1500, 4032, 4096,
		0x7fff, 0xffff, 65536, 65537, 0x7fffffff, 0xfffffffe, 0xffffffff, 1ULL << 32,
		1ULL << 52, 1ULL << 55, (1ULL << 61) - 4, 1ULL << 61, (1ULL << 62) - 1, 1ULL << 62, 1ULL << 63, ~0ULL,
	};
	const unsigned int width = 1u << below(seed, 4);
	uint64_t v = 0;
	unsigned int at;

	if (len < width)
		return;
	/*
	 * Choose a field of the header in at least half of the cases, because most fields are
	 * there.
	 */
	at = below(seed, 2) && len > 160 ? below(seed, 160) : below(seed, len - width + 1);
	at -= at % width;
	memcpy(&v, bytes + at, width);
	switch (below(seed, 4)) {
	case 0:
		v++;
		break;
	case 1:
		v--;
		break;
	default:
		v = nice[below(seed, sizeof(nice) / sizeof(*nice))];
	}
	memcpy(bytes + at, &v, width);
}

size_t image_mutate(uint8_t *data, size_t size, size_t max, unsigned int seed,
		    size_t (*mutate)(uint8_t *data, size_t size, size_t max))
{
	static uint8_t copy[ITEMS_MAX][ERAD_PAGE], out[1 << 18];
	const unsigned int what = below(&seed, 16);
	struct parsed p;
	unsigned int i, n, at;
	size_t len;

	parse(data, size, &p);
	if (!p.nr || what == 0)
		return mutate(data, size, max);
	for (i = 0; i < p.nr; i++) {
		memset(copy[i], 0, sizeof(copy[i]));
		memcpy(copy[i], p.bytes[i], p.len[i]);
	}
	n = below(&seed, p.nr);
	switch (what) {
	case 1:
		mutate((uint8_t *)&p.head, sizeof(p.head), sizeof(p.head));
		break;
	case 2:
		p.item[n].flags ^= ITEM_CSUM << below(&seed, 3);
		break;
	case 3:		/* move the item */
		p.item[n].page = below(&seed, IMAGE_ARRAY + 6);
		p.item[n].flags = (p.item[n].flags & ~ITEM_SECTOR) | below(&seed, 8);
		break;
	case 4:		/* copy the item to the next page */
		if (p.nr == ITEMS_MAX)
			break;
		memcpy(copy[p.nr], copy[n], sizeof(copy[n]));
		p.len[p.nr] = p.len[n];
		p.item[p.nr] = p.item[n];
		p.item[p.nr++].page++;
		break;
	case 5:
		p.len[n] = 0;
		p.item[n].flags = 0;
		break;
	case 6:
	case 7:
	case 8:
		p.len[n] = mutate(copy[n], p.len[n], room(p.item[n].page));
		break;
	default:
		for (i = 0; i <= below(&seed, 3); i++) {
			set_field(copy[n], p.len[n], &seed);
			n = below(&seed, p.nr);
		}
	}
	memcpy(out, &p.head, sizeof(p.head));
	at = sizeof(p.head);
	len = max < sizeof(out) ? max : sizeof(out);
	for (i = 0; i < p.nr; i++)
		at = put(out, at, len, p.item[i], copy[i], p.len[i]);
	memcpy(data, out, at);
	return at;
}
