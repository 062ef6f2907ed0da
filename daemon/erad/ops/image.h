/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes images of open volumes: see common/image.h.  op_image_create() may take long, and runs in
 * the thread of the request.  Error messages do not name the volume, because the caller adds its
 * name.
 *
 * op_image_create() makes the devices from the bottom up.  The image then shows the origin, which
 * changes.  Then op_image_create() syncs the file system on the volume, so that the freeze has
 * little to write.  The last step is one system call, which freezes and flushes the file system on
 * the volume, puts the new table of the volume into use, and lets the file system go on.  This is
 * the moment of the image: later writes go through NAME-image-origin, and dm-snapshot keeps the
 * former content.  If erad is killed before this step, the volume is as before, and only unused
 * devices are left.  If erad is killed after this step, the image is complete, and stays.
 */
#ifndef ERAD_OPS_IMAGE_H
#define ERAD_OPS_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/image.h"
#include "erad/ops/image_store.h"

struct volume;

struct image_choice {
	const char *name;		/* name of the volume */
	struct image_store_choice store;
	/*
	 * The number of the image, if the image is for eractl backup, or NULL.  If an earlier image
	 * for eractl backup is left and is not in use, it is dropped first.
	 */
	const char *number;
	const char *together;		/* the number of images of one moment, or NULL */
};

struct image_made {
	char device[sizeof("/dev/mapper/") + DM_NAME_LEN];
	char dm_uuid[DM_UUID_LEN];	/* UUID of the device in device-mapper */
	/*
	 * All writes of earlier eras are in the image.  A write of this era is not, unless another
	 * checkpoint has begun the era just before the image.
	 */
	uint32_t era;
	uint64_t us;			/* for how long I/O waited, in microseconds */
	uint64_t store_size;		/* in bytes */
};

/*
 * Makes an image of an open volume, which erad serves.  *v is a reference, which the caller drops.
 * If this fails, undoes all changes.  If a change cannot be undone, err says so.  EEXIST: the volume
 * has an image.  What an interrupted create or drop has left is removed first.
 */
int op_image_create(const struct image_choice *choice, struct volume **v, struct image_made *out, struct err *err);

#endif /* ERAD_OPS_IMAGE_H */
