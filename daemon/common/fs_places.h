/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the places of a device that each use of its file system changes: superblocks, and the part
 * of a journal or log where the next transaction is written.  Reads little, writes nothing, and
 * trusts nothing that it reads.
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
	/* Reads exactly len bytes.  Returns 0 or a negative errno. */
	int (*read)(void *ctx, uint64_t offset, void *buf, size_t len);
	/*
	 * Called for each place, in bytes from the start of the device.  A place may be beyond the
	 * device's end.
	 */
	void (*add)(void *ctx, enum fs_place what, uint64_t offset, uint64_t len);
	void *ctx;
};

#define FS_HEAD	(128u << 10)	/* the superblock of a file system is in its first bytes, up to this one */

/*
 * Finds the places of the file system that begins at byte `base` of the device.  Knows ext2 to
 * ext4, xfs and btrfs, also inside LUKS.  For anything else, the only place is the first FS_HEAD
 * bytes.  Places that cannot be read are left out.
 */
void fs_places(const struct fs_reader *r, uint64_t base);

#endif /* ERAD_FS_PLACES_H */
