/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Examines the place of an image's copy-on-write store.  The user names this place, so reading it may
 * hang: only a process of its own may call these functions, see origin_reader.h.
 */
#ifndef ERAD_STORE_EXAMINE_H
#define ERAD_STORE_EXAMINE_H

#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

struct store_found {
	dev_t dev;		/* the block device; 0: path leads to a file */
	uint64_t nr_sectors;	/* length of the block device in sectors of 512 bytes */
};

/*
 * Examines the block device or file at path.  Refuses a block device that is in use or has content.
 * For a file, reads only the inode and the map of its blocks, so that later calls find both in the
 * cache.
 */
int store_examine(const char *path, struct store_found *out, struct err *err);

/*
 * Refuses a block device that has content.  Does not look for users of the device: a mapped device
 * has already opened it, and this function could not distinguish another user from the mapped
 * device.  path: the name of the device, for the message.
 */
int store_examine_held(const char *path, dev_t dev, struct err *err);

/*
 * Discards all blocks of the device, which the asker keeps open as long as it waits.  pipe_fd: the end
 * for writing of the pipe from which the asker reads the answer, or -1 if the caller is the asker.
 * EOPNOTSUPP: the device cannot do this.  ECANCELED: the asker does not wait any more.  ENODEV: the
 * node leads to another device.
 */
int store_discard(dev_t dev, int pipe_fd, struct err *err);

#endif /* ERAD_STORE_EXAMINE_H */
