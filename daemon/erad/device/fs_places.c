// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds the places of a device that each use of its file system changes: see fs_places.h. */
#include <endian.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "erad/device/fs_places.h"

#define LOG_FIRST	(128u << 10)	/* bytes at the start of a journal that are reported */
#define LOG_BEFORE	(32u << 10)	/* bytes before and after the head of an xfs log that are reported */
#define LOG_AFTER	(96u << 10)
#define PAGE		4096u

static uint16_t get_le16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static uint32_t get_le32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint32_t get_be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static uint64_t get_be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

/*
 * The superblock has a copy of the block map of the journal's inode.  The first block of the journal is its
 * superblock, whose sequence number changes with each mount for writing and each replay.
 */
static void ext4_places(const struct fs_reader *r, uint64_t base, const uint8_t *head)
{
	const uint8_t *sb = head + 1024, *map = sb + 268;
	const uint32_t log_block = get_le32(sb + 24);
	uint64_t block;

	if (!(get_le32(sb + 92) & 4) || !get_le32(sb + 224) || sb[253] != 1 || log_block > 6)
		return;	/* There is no journal, or it is on another device, or the superblock has no copy of its map. */
	if (get_le16(map) != 0xf30a)
		block = get_le32(map);			/* a list of blocks */
	else if (get_le16(map + 2) && !get_le16(map + 6))
		block = get_le32(map + 20) | (uint64_t)get_le16(map + 18) << 32;	/* an extent */
	else
		return;
	if (block)
		r->add(r->ctx, FS_LOG, base + (block << (10 + log_block)), LOG_FIRST);
}

/*
 * Returns the cycle of a sector of an xfs log: the number of the pass over the ring that has
 * written the sector last.
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
		*cycle = get_be32(p) == 0xfeedbabe ? get_be32(p + 4) : get_be32(p);
	free(page);
	return good;
}

/*
 * The log is a ring.  The sectors before its head are of one cycle, and those from the head on are
 * of the cycle before, so a binary search finds the head.  Whatever is logged next is written at
 * the head; the unmount logs something at the latest.
 */
static void xfs_places(const struct fs_reader *r, uint64_t base, const uint8_t *sb)
{
	const uint64_t block_size = get_be32(sb + 4), start = get_be64(sb + 48), ag_blocks = get_be32(sb + 84);
	const uint64_t log_blocks = get_be32(sb + 96);
	uint64_t at, low = 0, high;
	uint32_t first, cycle;

	if (!start || !log_blocks || sb[124] > 32 || block_size < 512 || block_size > 65536 || start >> 56)
		return;	/* the log is on another device */
	at = base + ((start >> sb[124]) * ag_blocks + (start & ((1ull << sb[124]) - 1))) * block_size;
	r->add(r->ctx, FS_LOG, at, PAGE);
	if (!xfs_cycle(r, at, &first))
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
 * Returns the byte at which the data of a LUKS device begin.  0: the device has no LUKS header, or
 * the header does not tell.
 */
static uint64_t luks_data(const uint8_t *head)
{
	static const uint8_t magic[6] = "LUKS\xba\xbe";
	const char *json = (const char *)head + PAGE, *p;
	char text[16384];

	if (memcmp(head, magic, sizeof(magic)))
		return 0;
	if (head[7] == 1)
		return get_be32(head + 104) * 512ull;
	memcpy(text, json, sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	p = strstr(text, "\"segments\":");
	p = p ? strstr(p, "\"offset\":\"") : NULL;
	return p ? strtoull(p + strlen("\"offset\":\""), NULL, 10) : 0;
}

void fs_places(const struct fs_reader *r, uint64_t base)
{
	uint8_t *head = aligned_alloc(PAGE, FS_HEAD);
	uint64_t data;

	r->add(r->ctx, FS_SUPER, base, FS_HEAD);
	if (!head || r->read(r->ctx, base, head, FS_HEAD)) {
		free(head);
		return;
	}
	data = luks_data(head);
	if (data) {
		r->add(r->ctx, FS_SUPER, base + data, FS_HEAD);
	} else if (!memcmp(head, "XFSB", 4)) {
		xfs_places(r, base, head);
	} else if (!memcmp(head + 65536 + 64, "_BHRfS_M", 8)) {
		r->add(r->ctx, FS_SUPER, base + (64ull << 20), PAGE);
		r->add(r->ctx, FS_SUPER, base + (256ull << 30), PAGE);
	} else if (get_le16(head + 1024 + 56) == 0xef53) {
		ext4_places(r, base, head);
	}
	free(head);
}
