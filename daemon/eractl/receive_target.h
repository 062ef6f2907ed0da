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

/* Sets err to an error of the copy with the reason in errno.  Returns the negative errno. */
int receive_target_failed(const struct receive *rc, struct err *err, const char *what);

#endif /* ERACTL_RECEIVE_TARGET_H */
