/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the places of a device that change with each use of its file system: superblocks, and the
 * part of a journal or log where the next transaction is written.  FAT32, exfat and NTFS have no such
 * place: see fat_places.h.  Reads little, writes nothing,
 * and checks all values that it reads before it uses them.
 */
#ifndef ERAD_FS_PLACES_H
#define ERAD_FS_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fs_place {
	FS_SUPER,
	FS_LOG,
	FS_FILES,	/* the root directory, or the table of the files */
};

struct fs_reader {
	/* Reads exactly len bytes.  Returns 0 or a negative errno. */
	int (*read)(void *ctx, uint64_t offset, void *buf, size_t len);
	/*
	 * Called for each place, with its offset in bytes from the start of the device.  A place
	 * may lie beyond the end of the device.  Returns false if the caller has no space for
	 * further places.  Then fs_places() and lv_places() read nothing more.
	 */
	bool (*add)(void *ctx, enum fs_place what, uint64_t offset, uint64_t len);
	void *ctx;
};

/* The superblock of a file system lies within this many bytes from its start. */
#define FS_HEAD	(128u << 10)

/*
 * Finds the places of the file system that begins at byte `base` of the device.  Recognizes ext2 to
 * ext4, xfs, btrfs, f2fs, FAT32, exfat and NTFS.  For LUKS, finds the start of its data.  For other
 * content, the only place is the first FS_HEAD bytes.  If a read fails, leaves out the places that depend on the bytes of this read.  Ends when
 * `add` returns false.
 */
void fs_places(const struct fs_reader *r, uint64_t base);

#endif /* ERAD_FS_PLACES_H */
