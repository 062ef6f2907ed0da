/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds out whether a line of /etc/eratab names a path as the origin or the metadata of its volume. */
#ifndef ERAD_ERATAB_USE_H
#define ERAD_ERATAB_USE_H

#include "common/eratab.h"

/*
 * Returns "origin" or "metadata" if the entry names the path, or another path of the same device or
 * file, as such.  Returns NULL if the entry does not.  Equal paths count also if nothing is there.
 */
const char *eratab_use(const struct eratab_entry *e, const char *path);

/*
 * Sets err to EEXIST, and returns it: the path cannot be used, because the line with index `line`, which
 * has an entry, uses it.  role: what the path was to become, "origin" or "metadata".  use: from eratab_use().
 */
int eratab_refuse(const struct eratab *tab, size_t line, const char *role, const char *path, const char *use, struct err *err);

#endif /* ERAD_ERATAB_USE_H */
