/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of bookmarks. */
#ifndef ERAD_BOOKMARK_H
#define ERAD_BOOKMARK_H

#include "common/err.h"

/*
 * Returns 0 if the name is valid for a bookmark: 1 to ERAD_BOOKMARK_NAME letters, digits and . _ +
 * -, the first a letter or a digit.  Otherwise returns EINVAL.
 */
int bookmark_check_name(const char *name, struct err *err);

#endif /* ERAD_BOOKMARK_H */
