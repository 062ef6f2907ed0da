/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drops images of volumes, open or closed: see common/image.h.  These functions may take long, and
 * run in the thread of the request.  Error messages do not name the volume, because the caller adds
 * its name.
 *
 * op_image_drop() removes the image first, because the removal fails if the image is in use.  Then
 * op_image_drop() puts the volume back on its origin, and removes the other devices, also those
 * that an interrupted create or drop has left.
 */
#ifndef ERAD_OPS_IMAGE_DROP_H
#define ERAD_OPS_IMAGE_DROP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

struct volume;

/* Limit of the wait until erad serves the new table of a volume. */
#define IMAGE_SETTLE_MS	60000

/* Properties of an open volume, which were copied under its lock. */
struct image_volume {
	dev_t dev, origin;
	uint64_t instance_id, nr_sectors, trouble_ms;
	uint32_t era;
	bool served;
};

/* Copies these properties, under the lock of the volume. */
void image_volume_look(struct volume *v, struct image_volume *l);

/*
 * Returns the number of the volume's mapped device, or 0 if there is none.  v: the open volume, or
 * NULL.
 */
dev_t image_volume_device(const char *name, struct volume *v);

/*
 * Drops the image of a volume whose name the caller has claimed.  v: the open volume, or NULL.  *us
 * and errors: as for op_image_drop().
 */
int image_drop_claimed(const char *name, struct volume *v, uint64_t *us, struct err *err);

/*
 * Drops the image of a volume, open or closed.  number: the number of the image that may be dropped,
 * or NULL for any image.  What an interrupted create or drop has left has no number, and is dropped
 * in both cases.  *us receives for how long I/O waited, in microseconds.  EBUSY: the image is in use,
 * and nothing has changed.  ENOENT: there is no image, or the image has another number.  ETIMEDOUT:
 * the copy-on-write store hangs; when it works again, another call goes on.
 */
int op_image_drop(const char *name, const char *number, uint64_t *us, struct err *err);

#endif /* ERAD_OPS_IMAGE_DROP_H */
