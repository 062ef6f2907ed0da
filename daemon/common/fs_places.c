// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds the places of a device that change with each use of its file system: see fs_places.h. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/fat_places.h"
#include "common/fs_places.h"

/* Number of bytes that are reported at the start of a journal. */
#define LOG_FIRST	(128u << 10)
/* Number of bytes that are reported before and after the head of an xfs log. */
#define LOG_BEFORE	(32u << 10)
#define LOG_AFTER	(96u << 10)
#define PAGE		4096u
/*
 * Number of bytes in which LUKS, xfs and ext2 to ext4 are recognized.  The JSON text of LUKS2 is read
 * up to this byte.
 */
#define HEAD_READ	(20u << 10)
#define BTRFS_SUPER	(64u << 10)	/* position of the superblock of btrfs */

/* Reads a little-endian number of `size` bytes, at most 8. */
static uint64_t get_le(const uint8_t *p, unsigned int size)
{
	uint64_t v = 0;

	while (size--)
		v = v << 8 | p[size];
	return v;
}

/* Reads a big-endian number of `size` bytes, at most 8. */
static uint64_t get_be(const uint8_t *p, unsigned int size)
{
	uint64_t v = 0;

	for (; size--; p++)
		v = v << 8 | *p;
	return v;
}

/*
 * Reports the start of an ext4 journal.  The superblock contains a copy of the block map of the
 * journal's inode.  The first block of the journal is the journal's own superblock.  Its sequence
 * number changes with each mount for writing and each replay.
 */
static void ext4_places(const struct fs_reader *r, uint64_t base, const uint8_t *head)
{
	const uint8_t *sb = head + 1024, *map = sb + 268;
	const uint32_t log_block = get_le(sb + 24, 4);
	uint64_t block;

	if (!(get_le(sb + 92, 4) & 4) || !get_le(sb + 224, 4) || sb[253] != 1 || log_block > 6)
		/*
		 * There is no journal, or it is on another device, or the superblock contains no
		 * copy of its map.
		 */
		return;
	if (get_le(map, 2) != 0xf30a)
		block = get_le(map, 4);			/* the map is a list of blocks */
	else if (get_le(map + 2, 2) && !get_le(map + 6, 2))
		/* The map is a tree of extents. */
		block = get_le(map + 20, 4) | get_le(map + 18, 2) << 32;
	else
		return;
	if (block)
		r->add(r->ctx, FS_LOG, base + (block << (10 + log_block)), LOG_FIRST);
}

/*
 * Reads the cycle of a sector of an xfs log.  Returns false if the sector cannot be read.  The log
 * is a ring.  The cycle of a sector is the number of the pass over the ring in which the sector was
 * last written.
 */
static bool xfs_cycle(const struct fs_reader *r, uint64_t sector_at, uint32_t *cycle)
{
	uint8_t *page = aligned_alloc(PAGE, PAGE);
	const uint8_t *p;
	bool good;

	if (!page)
		return false;
	good = !r->read(r->ctx, sector_at & ~(uint64_t)(PAGE - 1), page, PAGE);
	p = page + (sector_at & (PAGE - 1));
	if (good)
		*cycle = get_be(p, 4) == 0xfeedbabe ? get_be(p + 4, 4) : get_be(p, 4);
	free(page);
	return good;
}

/*
 * Reports the head of an xfs log, where the next transaction is written; an unmount always writes a
 * transaction.  All sectors before the head have one cycle number, and all sectors from the head on
 * have the previous cycle number.  So a binary search finds the head.
 */
static void xfs_places(const struct fs_reader *r, uint64_t base, const uint8_t *sb)
{
	const uint64_t block_size = get_be(sb + 4, 4), start = get_be(sb + 48, 8), ag_blocks = get_be(sb + 84, 4);
	const uint64_t log_blocks = get_be(sb + 96, 4);
	uint64_t at, low = 0, high;
	uint32_t first, cycle;

	if (!start || !log_blocks || sb[124] > 32 || block_size < 512 || block_size > 65536 || start >> 56)
		return;	/* the log is on another device */
	at = base + ((start >> sb[124]) * ag_blocks + (start & ((1ull << sb[124]) - 1))) * block_size;
	if (!r->add(r->ctx, FS_LOG, at, PAGE) || !xfs_cycle(r, at, &first))
		return;
	high = log_blocks * block_size / 512;
	while (high - low > 1) {
		const uint64_t middle = low + (high - low) / 2;

		if (!xfs_cycle(r, at + middle * 512, &cycle))
			return;
		if (cycle == first)
			low = middle;
		else
			high = middle;
	}
	high *= 512;
	low = high > LOG_BEFORE ? high - LOG_BEFORE : 0;
	if (high + LOG_AFTER > log_blocks * block_size)
		high = log_blocks * block_size;
	else
		high += LOG_AFTER;
	r->add(r->ctx, FS_LOG, at + low, high - low);
}

/*
 * Returns the offset in bytes of the data of a LUKS device.  Returns 0 if there is no LUKS header,
 * or if the header does not contain this offset.
 */
static uint64_t luks_data(const uint8_t *head)
{
	static const uint8_t magic[6] = "LUKS\xba\xbe";
	const char *json = (const char *)head + PAGE, *p;
	char text[16384];

	if (memcmp(head, magic, sizeof(magic)))
		return 0;
	if (head[7] == 1)
		return get_be(head + 104, 4) * 512;
	memcpy(text, json, sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	p = strstr(text, "\"segments\":");
	p = p ? strstr(p, "\"offset\":\"") : NULL;
	return p ? strtoull(p + strlen("\"offset\":\""), NULL, 10) : 0;
}

/* Reports the superblocks of a btrfs.  Returns whether there is one.  page: a buffer of PAGE bytes. */
static bool btrfs_places(const struct fs_reader *r, uint64_t base, uint8_t *page)
{
	if (r->read(r->ctx, base + BTRFS_SUPER, page, PAGE) || memcmp(page + 64, "_BHRfS_M", 8))
		return false;
	r->add(r->ctx, FS_SUPER, base + BTRFS_SUPER, PAGE);
	r->add(r->ctx, FS_SUPER, base + (64ull << 20), PAGE);
	r->add(r->ctx, FS_SUPER, base + (256ull << 30), PAGE);
	return true;
}

void fs_places(const struct fs_reader *r, uint64_t base)
{
	uint8_t *head;
	uint64_t data;

	if (!r->add(r->ctx, FS_SUPER, base, FS_HEAD))
		return;
	head = aligned_alloc(PAGE, HEAD_READ + PAGE);
	if (!head || r->read(r->ctx, base, head, HEAD_READ)) {
		free(head);
		return;
	}
	data = luks_data(head);
	if (data) {
		r->add(r->ctx, FS_SUPER, base + data, FS_HEAD);
	} else if (!memcmp(head, "XFSB", 4)) {
		xfs_places(r, base, head);
	} else if (!btrfs_places(r, base, head + HEAD_READ)) {
		if (get_le(head + 1024 + 56, 2) == 0xef53)
			ext4_places(r, base, head);
		else
			fat_places(r, base, head);
	}
	free(head);
}
