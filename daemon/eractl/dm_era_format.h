/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The format on disk of Linux's dm-era target: only the parts that a reader needs.
 *
 * Blocks have 4 KiB; all numbers are little-endian.  Block 0 is the superblock.  The superblock
 * contains the roots of two btrees.  The first is the tree of the writesets that are not digested
 * yet; its keys are eras.  The second is the era array.  A writeset is an array of 64-bit words of
 * bits.  An array is also a btree: its keys are 0, 1 and so on, and its values are numbers of
 * blocks.  Each of these blocks is full of values, except the last.
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

/*
 * The checksum of a block includes a constant for the kind of the block.  So a block of another
 * kind has a wrong checksum.
 */
#define DM_ERA_SUPER_XOR	146538381u
#define DM_ERA_NODE_XOR		121107u
#define DM_ERA_ARRAY_XOR	595846735u

struct dm_era_disk_writeset {
	__le32 nr_bits;
	__le64 root;			/* block of the root; 0: there is no writeset */
} __attribute__((packed));

struct dm_era_disk_super {
	__le32 csum;
	__le32 flags;
	/* Number of this block; all kinds of blocks have this field. */
	__le64 blocknr;
	__u8 uuid[16];			/* zeros, because the kernel sets no UUID */
	__le64 magic;
	__le32 version;
	__u8 space_map_root[128];
	__le32 data_block_size;		/* in sectors */
	__le32 metadata_block_size;	/* in sectors: always 8 */
	__le32 nr_blocks;		/* number of blocks of the origin */
	__le32 current_era;
	/* The writeset of the current era, which is in no tree. */
	struct dm_era_disk_writeset current_writeset;
	__le64 writeset_tree_root;
	__le64 era_array_root;
	/* Superblock of the metadata snapshot, or 0.  The snapshot keeps only the two trees. */
	__le64 metadata_snap;
	__u8 unused[DM_ERA_BLOCK - 224];
} __attribute__((packed));
static_assert(sizeof(struct dm_era_disk_super) == DM_ERA_BLOCK, "a block");
static_assert(offsetof(struct dm_era_disk_super, metadata_snap) == 216, "as the kernel has it");

/*
 * In an internal node, each value is the block of a child node.  The key of this value is at most
 * as large as the keys in the child node.
 */
#define DM_ERA_INTERNAL		1u
#define DM_ERA_LEAF		2u

struct dm_era_disk_node {
	__le32 csum;
	__le32 flags;
	__le64 blocknr;
	__le32 nr;			/* number of keys; the keys ascend */
	/* Capacity, in keys.  The values begin after the space for this many keys. */
	__le32 max;
	__le32 value_size;
	__le32 pad;
	__le64 keys[(DM_ERA_BLOCK - 32) / 8];	/* space for `max` keys, then the values */
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
#define DM_ERA_WORDS_PER_BLOCK	((DM_ERA_BLOCK - 24) / 8)	/* 509 words of 64 bits */

/*
 * Returns the checksum of a block of the given kind.  Leaves out the first 4 bytes of the block,
 * which are its checksum.
 */
static inline uint32_t dm_era_csum(const void *block, uint32_t kind)
{
	return ~crc32c(0, (const char *)block + 4, DM_ERA_BLOCK - 4) ^ kind;
}

#endif /* ERACTL_DM_ERA_FORMAT_H */
