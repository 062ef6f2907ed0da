/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where file systems and other formats keep what changes with each use: superblocks, and the part of a journal or log
 * that the next transaction is written to.
 *
 * Reads little, writes nothing, and trusts nothing that it reads.
 */
#ifndef ERAD_FS_PLACES_H
#define ERAD_FS_PLACES_H

#include <stddef.h>
#include <stdint.h>

enum fs_place {
	FS_SUPER,
	FS_LOG,
};

struct fs_reader {
	/* Reads exactly len bytes; 0 or a negative errno. */
	int (*read)(void *ctx, uint64_t offset, void *buf, size_t len);
	/* Is called with each place, in bytes from the start of the device; the place may lie outside of the device. */
	void (*add)(void *ctx, enum fs_place what, uint64_t offset, uint64_t len);
	void *ctx;
};

#define FS_HEAD	(128u << 10)	/* bytes at the start of a file system in which its superblock is */

/*
 * Finds the places of what begins at byte `base` of the device: ext2 to ext4, xfs, btrfs, or one of them in LUKS.
 * Anything else has the place of its first FS_HEAD bytes only.  What cannot be read is left out.
 */
void fs_places(const struct fs_reader *r, uint64_t base);

#endif /* ERAD_FS_PLACES_H */
