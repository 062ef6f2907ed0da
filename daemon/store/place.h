/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lies at the place that new metadata is to be written to.
 *
 * Metadata is written to a blank place without a question: nothing is lost there.
 * Metadata of erad, and on a block device anything else, is overwritten only
 * when the user has asked for it.  A regular file that holds anything else is
 * never overwritten.
 */
#ifndef ERAD_PLACE_H
#define ERAD_PLACE_H

#include "store/store.h"

/*
 * Whether one of the two superblock pages has the magic of erad's metadata, be it
 * valid or not.  An unreadable page does not count.
 */
bool place_is_erad(struct engine *e);

/*
 * 0 if the place is blank: libblkid finds no signature anywhere on it, and every
 * byte that store_format() with geometry g would write is zero.  EEXIST, and a
 * sentence that says what was found, if it is not blank; EIO … if the place cannot be
 * examined.  path is the one that e was opened with.  Reads up to store_size(g) bytes.
 */
int place_blank(const char *path, struct engine *e, const struct store_geometry *g,
		struct err *err);

/*
 * 0 if metadata of geometry g may be written to the place; *blank says whether
 * the place is blank, with overwrite, too: the caller makes a blank place blank again if it
 * fails later.  EEXIST, with a sentence that says what to do, if nothing may be written.
 * overwrite: the user has asked to overwrite what is there.  Writes nothing.
 */
int place_check(const char *path, struct engine *e, const struct store_geometry *g,
		bool overwrite, bool *blank, struct err *err);

/* Makes the first store_size(g) bytes zeros again: for a place that was blank.  Durable on return. */
int place_clear(struct engine *e, const struct store_geometry *g);

#endif /* ERAD_PLACE_H */
