/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The copy to which receive writes: opening it, and the checks before the first write. */
#ifndef ERACTL_RECEIVE_TARGET_H
#define ERACTL_RECEIVE_TARGET_H

#include "eractl/receive.h"

/*
 * Opens and checks the copy.  Writes nothing to the copy, but creates an empty file if there is no
 * copy.  If so, rc->created is true.
 */
int receive_prepare(struct receive *rc, struct err *err);

/*
 * Returns whether the stream is an increment that need not list the part by which it makes the
 * volume larger.  Ceph's rbd export-diff lists only objects that exist, and rbd import-diff sets the
 * added part to zeros by resizing the image.  eractl send lists all blocks of the added part.  Only
 * streams of eractl send have checks.  The names of the snapshots do not show who made the stream,
 * because Ceph keeps the names that eractl send has given.
 */
bool receive_omits_growth(const struct receive *rc);

/* Sets err to an error of the copy with the reason in errno.  Returns the negative errno. */
int receive_target_failed(const struct receive *rc, struct err *err, const char *what);

#endif /* ERACTL_RECEIVE_TARGET_H */
