// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzes the reader of dm-era's metadata.
 *
 * An input is a byte, which selects what is read, and any number of pieces of blocks:
 *
 * 	struct piece, len bytes		bytes that are in no piece are zeros
 *
 * Then each block gets a correct checksum of the kind that its last piece names, so that inputs
 * pass the check of checksums. Any sequence of bytes is an input.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "eractl/dm_era.h"
#include "eractl/dm_era_format.h"
#include "fuzz.h"
#include "mem.h"

struct piece {
	uint8_t block;
	/*
	 * SEAL_KIND: the kind of the checksum that the block gets; 0: no checksum. SEAL_PLACE: the
	 * block also gets its correct number
	 */
	uint8_t seal;
	uint8_t offset[2];	/* little-endian, like len */
	uint8_t len[2];
};

#define SEAL_KIND	3u
#define SEAL_PLACE	4u

/* The eras that the reader has passed to the sink. */
struct told {
	bool super;
	uint64_t nr_blocks, calls, blocks, sum;
	uint32_t era;
};

static unsigned int number(const uint8_t n[2])
{
	return n[0] | n[1] << 8;
}

/* Returns the next piece at *data, or NULL if there is none.  The bytes of the piece follow it. */
static const struct piece *next_piece(const uint8_t **data, size_t *size, unsigned int *len)
{
	const struct piece *p = (const struct piece *)*data;

	if (*size < sizeof(*p))
		return NULL;
	*len = number(p->len);
	if (*len > *size - sizeof(*p))
		*len = *size - sizeof(*p);
	*data += sizeof(*p) + *len;
	*size -= sizeof(*p) + *len;
	return p;
}

static void seal(uint8_t *block, unsigned int nr, unsigned int how)
{
	static const uint32_t kinds[] = { 0, DM_ERA_SUPER_XOR, DM_ERA_NODE_XOR, DM_ERA_ARRAY_XOR };
	const unsigned int kind = how & SEAL_KIND;
	const __le64 place = htole64(nr);
	__le32 csum;

	if (how & SEAL_PLACE)
		memcpy(block + (kind == 3 ? offsetof(struct dm_era_disk_array, blocknr) : 8), &place, 8);
	if (!kind)
		return;
	csum = htole32(dm_era_csum(block, kinds[kind]));
	memcpy(block, &csum, sizeof(csum));
}

static void build(struct mem *m, const uint8_t *data, size_t size)
{
	uint8_t how[MEM_PAGES] = { };
	const struct piece *p;
	unsigned int len, i;

	memset(m, 0, sizeof(*m));
	while ((p = next_piece(&data, &size, &len))) {
		const unsigned int block = p->block % MEM_PAGES, at = number(p->offset) % DM_ERA_BLOCK;

		if (len > DM_ERA_BLOCK - at)
			len = DM_ERA_BLOCK - at;
		memcpy(m->image + block * DM_ERA_BLOCK + at, p + 1, len);
		how[block] = p->seal;
		if (m->size < (block + 1) * DM_ERA_BLOCK)
			m->size = (block + 1) * DM_ERA_BLOCK;
	}
	for (i = 0; i < MEM_PAGES; i++)
		seal(m->image + i * DM_ERA_BLOCK, i, how[i]);
}

static int take_super(void *ctx, const struct era_super *sb, struct err *err)
{
	struct told *t = ctx;

	(void)err;
	expect(!t->super && !t->calls);
	expect(sb->block_sectors && sb->block_sectors % 8 == 0 && sb->nr_blocks);
	expect(sb->nr_sectors / sb->block_sectors == sb->nr_blocks && sb->era < UINT32_MAX);
	t->super = true;
	t->nr_blocks = sb->nr_blocks;
	t->era = sb->era;
	return 0;
}

static int take_blocks(void *ctx, uint64_t first, uint64_t len, uint32_t era, struct err *err)
{
	struct told *t = ctx;

	(void)err;
	expect(t->super && len && len <= t->nr_blocks && first <= t->nr_blocks - len);
	expect(era && era <= t->era);
	t->calls++;
	t->blocks += len;
	t->sum = t->sum * 31 + first * 7 + len * 3 + era;
	return 0;
}

static const struct engine_ops *plain;
static unsigned int reads[MEM_PAGES];	/* how often each block was read */

static int count_read(struct engine *e, void *buf, uint64_t off, uint64_t len)
{
	expect(len == DM_ERA_BLOCK);
	reads[off / DM_ERA_BLOCK]++;
	return plain->read(e, buf, off, len);
}

static int read_it(struct dm_era *d, bool snapshot, struct told *t)
{
	static const struct era_sink sink = { .super = take_super, .blocks = take_blocks };
	struct err err = { "" };
	unsigned int i;
	int ret;

	memset(t, 0, sizeof(*t));
	memset(reads, 0, sizeof(reads));
	ret = dm_era_read(d, &sink, t, &err);
	expect(!ret == !err.msg[0] && (!ret || ret == -EUCLEAN));
	/*
	 * Check that no block is read twice, so that the reader ends even if a tree has a cycle.
	 * The reader reads the superblocks again at the end.  The superblock of the device is block
	 * 0, which is not checked.  The superblock of a metadata snapshot may be any block, so with
	 * a snapshot each block may be read twice.
	 */
	for (i = 1; i < MEM_PAGES; i++)
		expect(reads[i] <= 1u + snapshot);
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const bool snapshot = size && data[0] & 1;
	static struct engine_ops counting;
	static struct mem m;
	struct told first, again;
	struct err err = { "" };
	struct engine *e;
	struct dm_era *d;
	int ret;

	if (!size)
		return 0;
	build(&m, data + 1, size - 1);
	e = mem_engine(&m);
	plain = e->ops;
	counting = *plain;
	counting.read = count_read;
	e->ops = &counting;
	ret = dm_era_open(e, snapshot, &d, &err);
	expect(!ret == !err.msg[0] && !ret == !!d);
	if (!ret) {
		ret = read_it(d, snapshot, &first);
		expect(read_it(d, snapshot, &again) == ret && !memcmp(&first, &again, sizeof(first)));
	}
	/* Change the superblock after the open: the reader must notice the change. */
	if (!ret && !snapshot) {
		m.image[100] ^= 1;
		memset(&again, 0, sizeof(again));
		expect(dm_era_read(d, &(struct era_sink){ take_super, take_blocks }, &again, &err) == -EBUSY);
	}
	dm_era_close(d);
	engine_destroy(e);
	expect(!m.written);
	return 0;
}

/* Changes a number of 4 or 8 bytes. Most of these numbers are fields of headers, keys or values. */
static void set_number(uint8_t *bytes, unsigned int len, unsigned int *seed)
{
	static const uint64_t nice[] = {
		0, 1, 2, 4, 5, 6, 7, 8, 9, 31, 32, 63, 64, 201, 203, 252, 254, 255, 509, 510, 1017, 1018, 1019, 2036,
		0x7fffffff, 0xfffffffe, 0xffffffff, 1ULL << 32, 1ULL << 63, ~0ULL,
	};
	const unsigned int width = rand_r(seed) % 4 ? 4 : 8;
	uint64_t v = 0;
	unsigned int at;

	if (len < width)
		return;
	at = rand_r(seed) % (len - width + 1) & ~3u;
	memcpy(&v, bytes + at, width);
	switch (rand_r(seed) % 4) {
	case 0:
		v++;
		break;
	case 1:
		v--;
		break;
	default:
		v = nice[rand_r(seed) % (sizeof(nice) / sizeof(*nice))];
	}
	memcpy(bytes + at, &v, width);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	const uint8_t *at = data + 1;
	size_t left = size - 1;
	unsigned int len, nr = 0, chosen;
	const struct piece *p;
	uint8_t *bytes;

	while (size && next_piece(&at, &left, &len))
		nr++;
	if (!nr || rand_r(&seed) % 8 == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	at = data + 1;
	left = size - 1;
	for (chosen = rand_r(&seed) % nr + 1; chosen; chosen--)
		p = next_piece(&at, &left, &len);
	bytes = data + ((const uint8_t *)(p + 1) - data);
	switch (rand_r(&seed) % 8) {
	case 0:		/* move the piece, or change its checksum */
		LLVMFuzzerMutate(bytes - sizeof(*p), 4, 4);
		return size;
	case 1:		/* copy the piece to another block */
		if (size + sizeof(*p) + len > max_size)
			return size;
		memcpy(data + size, p, sizeof(*p) + len);
		data[size] = rand_r(&seed) % 16;
		return size + sizeof(*p) + len;
	case 2:
		if (len)
			LLVMFuzzerMutate(bytes, len, len);
		return size;
	default:
		set_number(bytes, len, &seed);
		return size;
	}
}
