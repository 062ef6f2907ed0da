/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The steps by which one image is made, in the order of their calls: see image.h.  Between
 * image_load() and image_finish(), the caller puts the loaded table into use.  The caller has
 * claimed the name of the volume.  Error messages do not name the volume.
 */
#ifndef ERAD_OPS_IMAGE_STEPS_H
#define ERAD_OPS_IMAGE_STEPS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "erad/device/origin_reader.h"
#include "erad/ops/image.h"
#include "erad/ops/image_drop.h"

/* Limit of a sync in ms.  A sync may have to write back as many dirty pages as fit into memory. */
#define IMAGE_SYNC_MS	600000u

struct image_making {
	struct volume *v;
	/* The volume before the first device was made, and when the new table was loaded. */
	struct image_volume before, loaded;
	bool begun;		/* devices of the image may exist */
	dev_t origin;		/* NAME-image-origin */
	uint64_t began_us;	/* when the swap of the tables began, by thread_now_us() */
	struct image_made made;
};

/*
 * Removes what an earlier create, drop or backup has left, checks the volume, and makes the
 * devices. EEXIST: the volume has an image.  After an error, too, the caller calls image_undo().
 */
int image_prepare(struct image_making *m, const struct image_choice *choice, struct err *err);

/*
 * Syncs the file system on the volume.  A freeze first makes new writes wait, and then writes back
 * all dirty data, so this step writes back most of them before.  If this step fails, the freeze
 * writes more.  ms: the limit; 0: only starts the sync, and a later call with the same *asked waits
 * for it.  The first call needs asked->fd -1.  An errno of the sync itself is no error.
 */
int image_sync(const struct image_making *m, struct origin_asked *asked, unsigned int ms, struct err *err);

/* Loads the new table of the volume. */
int image_load(struct image_making *m, struct err *err);

/* Waits until erad serves the new table. */
int image_settle(struct image_making *m, struct err *err);

/*
 * Returns EBUSY if another program has replaced the table of the volume, or ENOSPC if the
 * copy-on-write store is full already.
 */
int image_check_valid(const struct image_making *m, struct err *err);

/*
 * Does what image_check_valid() does.  Then drops old pages of the image from the page cache, and
 * completes m->made.
 */
int image_finish(struct image_making *m, struct err *err);

/*
 * Drops what the steps have made.  The volume must not be suspended.  Returns 0 also if nothing is
 * there.  If this fails, adds to err how to drop the rest.
 */
int image_undo(const struct image_making *m, struct err *err);

#endif /* ERAD_OPS_IMAGE_STEPS_H */
