/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The format on disk of Linux's dm-era target, as far as reading it needs.
 *
 * Blocks of 4 KiB; all numbers little-endian.  The superblock, block 0, has the
 * roots of two btrees: the writesets that are not digested yet, by era, and
 * the era array.  A writeset is an array of words of bits.  An array is a
 * btree, too, from 0, 1 … to blocks that are full of values but for the last.
 */
#ifndef ERACTL_DM_ERA_FORMAT_H
#define ERACTL_DM_ERA_FORMAT_H

#include <assert.h>
#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>

#include "store/crc32c.h"

#define DM_ERA_BLOCK		4096u
#define DM_ERA_MAGIC		2126579579u
#define DM_ERA_VERSION		1u

/* One for each kind of block, so that none is taken for another. */
#define DM_ERA_SUPER_XOR	146538381u
#define DM_ERA_NODE_XOR		121107u
#define DM_ERA_ARRAY_XOR	595846735u

struct dm_era_disk_writeset {
	__le32 nr_bits;
	__le64 root;			/* 0: there is none */
} __attribute__((packed));

struct dm_era_disk_super {
	__le32 csum;
	__le32 flags;
	__le64 blocknr;			/* where this block is, here as in all others */
	__u8 uuid[16];			/* zeros: the kernel sets none */
	__le64 magic;
	__le32 version;
	__u8 space_map_root[128];
	__le32 data_block_size;		/* sectors */
	__le32 metadata_block_size;	/* sectors: 8 */
	__le32 nr_blocks;		/* of data */
	__le32 current_era;
	struct dm_era_disk_writeset current_writeset;	/* of the current era; in no tree */
	__le64 writeset_tree_root;
	__le64 era_array_root;
	__le64 metadata_snap;		/* a superblock of which only the roots hold on to anything; 0: none */
	__u8 unused[DM_ERA_BLOCK - 224];
} __attribute__((packed));
static_assert(sizeof(struct dm_era_disk_super) == DM_ERA_BLOCK, "a block");
static_assert(offsetof(struct dm_era_disk_super, metadata_snap) == 216, "as the kernel has it");

#define DM_ERA_INTERNAL		1u	/* values: the blocks of the children, whose keys are not below this one's */
#define DM_ERA_LEAF		2u

struct dm_era_disk_node {
	__le32 csum;
	__le32 flags;
	__le64 blocknr;
	__le32 nr;			/* of keys, ascending */
	__le32 max;			/* the values are behind so many keys */
	__le32 value_size;
	__le32 pad;
	__le64 keys[(DM_ERA_BLOCK - 32) / 8];	/* and values */
};
static_assert(sizeof(struct dm_era_disk_node) == DM_ERA_BLOCK, "a block");

struct dm_era_disk_array {
	__le32 csum;
	__le32 max;
	__le32 nr;
	__le32 value_size;
	__le64 blocknr;
	union {
		__le32 era[(DM_ERA_BLOCK - 24) / 4];
		__le64 bits[(DM_ERA_BLOCK - 24) / 8];
	};
};
static_assert(sizeof(struct dm_era_disk_array) == DM_ERA_BLOCK, "a block");

#define DM_ERA_ERAS_PER_BLOCK	((DM_ERA_BLOCK - 24) / 4)	/* 1018 */
#define DM_ERA_WORDS_PER_BLOCK	((DM_ERA_BLOCK - 24) / 8)	/* 509, of 64 bits */

/* Of a block, with the constant of its kind; it begins with it. */
static inline uint32_t dm_era_csum(const void *block, uint32_t kind)
{
	return ~crc32c(0, (const char *)block + 4, DM_ERA_BLOCK - 4) ^ kind;
}

#endif /* ERACTL_DM_ERA_FORMAT_H */
