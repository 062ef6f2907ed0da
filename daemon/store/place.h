/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Examines the place to which new metadata is to be written.
 *
 * A blank place is always used, because nothing is lost there.  Metadata of erad, and on a block
 * device any other content, is overwritten only if the user has asked for it.  A regular file with
 * any other content is never overwritten.
 */
#ifndef ERAD_PLACE_H
#define ERAD_PLACE_H

#include "store/store.h"

/*
 * Returns whether one of the two superblock pages has the magic of erad's metadata, even if it is
 * not valid.  An unreadable page does not count.
 */
bool place_is_erad(struct engine *e);

/*
 * Returns 0 if the place is blank: libblkid finds no signature on it, and every byte that
 * store_format() with geometry g would write is zero.  EEXIST: the place is not blank; err says
 * what was found.  EIO and others: the place cannot be examined.  path is the one with which e was
 * opened.  Reads up to store_size(g) bytes.
 */
int place_blank(const char *path, struct engine *e, const struct store_geometry *g,
		struct err *err);

/*
 * Returns 0 if metadata of geometry g may be written to the place.  EEXIST: nothing may be written;
 * err says what to do.  overwrite: the user has asked to overwrite the place.  *blank says whether
 * the place is blank, also with overwrite: if the caller fails later, it makes a blank place blank
 * again.  Writes nothing.
 */
int place_check(const char *path, struct engine *e, const struct store_geometry *g,
		bool overwrite, bool *blank, struct err *err);

/* Zeroes the first store_size(g) bytes, of a place that was blank.  Durable on return. */
int place_clear(struct engine *e, const struct store_geometry *g);

#endif /* ERAD_PLACE_H */
