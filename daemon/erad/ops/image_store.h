/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The copy-on-write store of an image: a block device, or a file behind a loop device.
 *
 * The kernel detaches the loop device when its last user closes it, and a file that erad has made
 * has no name.  So if erad is killed, no file and no loop device are left, except as long as the
 * mapped devices of the image exist.
 */
#ifndef ERAD_IMAGE_STORE_H
#define ERAD_IMAGE_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "erad/device/store_examine.h"

/* Limit of the wait for a process that examines, discards or removes something that may hang. */
#define IMAGE_STORE_MS	10000u

/* Size of the pieces that dm-snapshot copies, in sectors of 512 bytes. */
#define IMAGE_CHUNK	32u

/* A file that erad makes leaves a tenth of its file system free, but at most this many bytes. */
#define IMAGE_STORE_LEAVE	(1ull << 30)

static inline uint64_t image_store_leave(uint64_t fs_bytes)
{
	return fs_bytes / 10 < IMAGE_STORE_LEAVE ? fs_bytes / 10 : IMAGE_STORE_LEAVE;
}

/*
 * Returns whether a new file of `bytes` bytes leaves enough space free.  free_bytes: the space that
 * is free now.
 */
static inline bool image_store_fits(uint64_t bytes, uint64_t free_bytes, uint64_t fs_bytes)
{
	return bytes <= free_bytes && free_bytes - bytes >= image_store_leave(fs_bytes);
}

struct image_store_choice {
	/* Path of a block device, or of a file that has a size but no content.  NULL: make a file. */
	const char *path;
	uint64_t size;		/* size of the file to be made in bytes; 0: a default */
};

struct image_store {
	dev_t dev;		/* the block device */
	uint64_t nr_sectors;	/* size of the store, after IMAGE_STORE_START */
	int fd;			/* keeps a loop device until another device uses it; -1: none */
};

/* What a process has found at the place of the store. */
struct image_store_look {
	struct store_found found;
	int code;		/* result of store_examine() */
	struct err err;		/* its message, if code is not 0 */
};

/*
 * Examines the place of the store in a process of its own, which may hang.  path NULL: the place is
 * ERAD_LIB_DIR, which this function makes unless it exists.
 * Call this before image_store_open(), and without locks.  ETIMEDOUT: the process has not ended in
 * time.  If the process has refused the place, returns 0, and image_store_open() refuses the place.
 */
int image_store_examine(const char *path, struct image_store_look *out, struct err *err);

/*
 * Examines the content of a store that is a block device, and that a mapped device holds.  Somebody
 * may have written to the device after image_store_examine().  The path has been examined by
 * image_store_examine().  ETIMEDOUT: the process has not ended in time.
 */
int image_store_examine_held(const char *path, dev_t dev, struct err *err);

/*
 * Prepares the store.  look: from image_store_examine().  name, origin_path, origin, volume_bytes:
 * the volume and its size.  Refuses a place that is in use, that has content, or that lies on the
 * volume.  EAGAIN: the path leads to another device than image_store_examine() has examined.  On
 * success, the caller calls image_store_close() when a mapped device holds the store's device, or
 * to undo the open.  Until then, no other thread may call image_store_open(): two calls for one
 * device would both find it unused.
 */
int image_store_open(const struct image_store_choice *choice, const struct image_store_look *look, const char *name,
		     const char *origin_path, dev_t origin, uint64_t volume_bytes, struct image_store *out, struct err *err);
void image_store_close(struct image_store *s);

/*
 * Call this before the store is dropped.  Returns a file descriptor of the store's loop device for
 * image_store_return().  Returns -1 if the store is not a file behind a loop device that erad has
 * attached.
 */
int image_store_keep(dev_t dev);

/*
 * Returns the space of the file, when the store is dropped.  Waits at most IMAGE_STORE_MS.  Logs a
 * warning if the discard has not ended then.  Closes fd, which may be -1.
 */
void image_store_return(const char *volume, int fd);

#endif /* ERAD_IMAGE_STORE_H */
