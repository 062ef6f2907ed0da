// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds places of FAT32, exfat, NTFS and f2fs: see fat_places.h. */
#include <endian.h>
#include <string.h>

#include <linux/types.h>

#include "common/fat_places.h"

/* Number of bytes that are reported at the start of a list of files. */
#define FILES_FIRST	(64u << 10)
#define F2FS_PAGE	4096u

static uint16_t get_16(const uint8_t *p)
{
	__le16 v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static uint32_t get_32(const uint8_t *p)
{
	__le32 v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

/* The FATs follow the reserved sectors, and cluster 2 follows the FATs. */
static void fat32_places(const struct fs_reader *r, uint64_t base, const uint8_t *head)
{
	const uint64_t sector = get_16(head + 11), per_cluster = head[13], root = get_32(head + 44);
	const uint64_t data = get_16(head + 14) + (uint64_t)head[16] * get_32(head + 36);

	if (root >= 2)
		r->add(r->ctx, FS_FILES, base + (data + (root - 2) * per_cluster) * sector, FILES_FIRST);
}

static void exfat_places(const struct fs_reader *r, uint64_t base, const uint8_t *head)
{
	const uint64_t heap = get_32(head + 88), root = get_32(head + 96);
	const unsigned int log_sector = head[108], log_per_cluster = head[109];

	if (root >= 2 && log_sector <= 12 && log_per_cluster <= 25 - log_sector)
		r->add(r->ctx, FS_FILES, base + ((heap + ((root - 2) << log_per_cluster)) << log_sector),
		       FILES_FIRST);
}

static void ntfs_places(const struct fs_reader *r, uint64_t base, const uint8_t *head)
{
	const uint64_t sector = get_16(head + 11), table = get_32(head + 48);
	/* A number above 128 is a negative power of 2. */
	const uint64_t per_cluster = head[13] <= 128 ? head[13] : head[13] >= 240 ? 1u << (256 - head[13]) : 0;

	if (per_cluster && !get_32(head + 52))
		r->add(r->ctx, FS_FILES, base + table * per_cluster * sector, FILES_FIRST);
}

/* Each of the two checkpoints has a segment, and begins with its version number. */
static void f2fs_places(const struct fs_reader *r, uint64_t base, const uint8_t *super)
{
	const uint32_t log_per_segment = get_32(super + 20);
	const uint64_t checkpoint = get_32(super + 76);

	/* The only size of a block before Linux 6.7; later, it may be the size of a memory page. */
	if (get_32(super + 16) != 12 || log_per_segment > 16)
		return;
	if (r->add(r->ctx, FS_LOG, base + checkpoint * F2FS_PAGE, F2FS_PAGE))
		r->add(r->ctx, FS_LOG, base + (checkpoint + (1ull << log_per_segment)) * F2FS_PAGE, F2FS_PAGE);
}

void fat_places(const struct fs_reader *r, uint64_t base, const uint8_t *head)
{
	if (!memcmp(head + 82, "FAT32", 5))
		fat32_places(r, base, head);
	else if (!memcmp(head + 3, "EXFAT   ", 8))
		exfat_places(r, base, head);
	else if (!memcmp(head + 3, "NTFS    ", 8))
		ntfs_places(r, base, head);
	else if (!memcmp(head + 1024, "\x10\x20\xf5\xf2", 4))
		f2fs_places(r, base, head + 1024);
}
