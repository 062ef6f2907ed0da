/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds out whether a line of /etc/eratab names a path as the origin or the metadata of its volume.
 */
#ifndef ERAD_ERATAB_USE_H
#define ERAD_ERATAB_USE_H

#include "common/eratab.h"

/*
 * Returns "origin" or "metadata" if the entry has the path, or another path of the same device or
 * file, as its origin or metadata.  Returns NULL if it does not.  Two equal paths count as the same
 * even if nothing exists at the path.
 */
const char *eratab_use(const struct eratab_entry *e, const char *path);

/*
 * Sets err to EEXIST, and returns it: the path cannot be used, because the line with index `line`
 * uses it.  This line must have an entry.  role: the intended use of the path, "origin" or
 * "metadata".  use: the result of eratab_use().
 */
int eratab_refuse(const struct eratab *tab, size_t line, const char *role, const char *path, const char *use, struct err *err);

#endif /* ERAD_ERATAB_USE_H */
