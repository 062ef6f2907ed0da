/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Examines the file or device at a path that a user has named.  If the path may hang, erad calls
 * this function only in a child of the reader: see origin_reader.h and erad/volume/peek.h.
 */
#ifndef ERAD_PLACE_PEEK_H
#define ERAD_PLACE_PEEK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct peek {
	bool exists;		/* a file, a device or a directory exists at the path */
	/*
	 * A superblock page contains the magic number; store_open() checks the rest.  For
	 * PEEK_SUPER.
	 */
	bool is_erad;
	dev_t dev;		/* the block device at the path; 0: no block device */
	/* The file system of the file or of the device's node, and the number of the inode. */
	dev_t fs;
	uint64_t inode;
	uint8_t uuid[16];	/* UUID of the metadata if is_erad is true */
};

enum peek_depth {
	PEEK_DEVICE,		/* only look the path up, and read nothing from the device or the file */
	PEEK_OPEN,		/* also open the device or the file, and close it again */
	/*
	 * Also read the superblocks, which may be in the page cache, and a page from the disk,
	 * which shows whether the disk answers.
	 */
	PEEK_SUPER,
	/*
	 * As PEEK_SUPER.  Also tries whether the file system of a file or a directory takes writes,
	 * by file_try_write(); nothing need exist at the path.  Reads may come from the page cache
	 * while writes hang, for example in a frozen file system.
	 */
	PEEK_WRITE,
};

/*
 * Examines the path, without a lock on the metadata.  Waits as long as the device or the file system
 * takes.
 */
void place_peek(const char *path, enum peek_depth depth, struct peek *out);

/* Returns whether two paths lead to the same block device, or to the same file. */
static inline bool peek_same(const struct peek *a, const struct peek *b)
{
	if (!a->exists || !b->exists)
		return false;
	return a->dev && b->dev ? a->dev == b->dev : a->fs == b->fs && a->inode == b->inode;
}

#endif /* ERAD_PLACE_PEEK_H */
