/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Examines a place, which is a file or block device, before new metadata is written to it.  The
 * rules:
 *
 * - A blank place is always used, because nothing is lost.
 * - Metadata of erad is overwritten only if the user has requested this.
 * - On a block device, other content is overwritten only if the user has requested this.
 * - A regular file with other content is never overwritten.
 */
#ifndef ERAD_PLACE_H
#define ERAD_PLACE_H

#include "store/store.h"

/*
 * Returns whether one of the two superblock pages has the magic number of erad's metadata.  The
 * superblock need not be valid.  An unreadable page has no magic number.
 */
bool place_is_erad(struct engine *e);

/*
 * Returns 0 if the place is blank: libblkid finds no signature, and every byte that store_format()
 * with geometry g would write is zero.  EEXIST: the place is not blank; err says what was found.
 * Other errors, for example EIO: the place cannot be examined.  path: the path with which e was
 * opened.  Reads up to store_size(g) bytes.
 */
int place_blank(const char *path, struct engine *e, const struct store_geometry *g,
		struct err *err);

/*
 * Returns 0 if metadata of geometry g may be written to the place.  EEXIST: this is not allowed;
 * err says what to do.  overwrite: the user has requested to overwrite the place.  Writes nothing.
 *
 * Sets *blank to whether the place is blank, also with overwrite.  If a later step fails, the
 * caller makes a blank place blank again.
 */
int place_check(const char *path, struct engine *e, const struct store_geometry *g,
		bool overwrite, bool *blank, struct err *err);

/* Zeroes the first store_size(g) bytes of a place that was blank.  Durable on return. */
int place_clear(struct engine *e, const struct store_geometry *g);

#endif /* ERAD_PLACE_H */
