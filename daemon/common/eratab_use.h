/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds out whether a line of /etc/eratab names a path as the origin or the metadata of its volume,
 * and which other volume has metadata with the same UUID.
 */
#ifndef ERAD_ERATAB_USE_H
#define ERAD_ERATAB_USE_H

#include "common/eratab.h"
#include "common/uuid.h"

/*
 * Returns "origin" or "metadata" if the entry names the path, or another path of the same device or
 * file, as its origin or metadata.  Returns NULL if neither is at the path.  Two equal paths count
 * as the same even if nothing exists at the path.
 */
const char *eratab_use(const struct eratab_entry *e, const char *path);

/*
 * Sets err to EEXIST, and returns it: the path cannot be used, because the line with index `line`
 * uses it.  This line must have an entry.  role: the intended use of the path, "origin" or
 * "metadata".  use: the result of eratab_use().
 */
int eratab_refuse(const struct eratab *tab, size_t line, const char *role, const char *path, const char *use, struct err *err);

/*
 * Finds a volume whose metadata has this UUID, other than the volume `name`, and returns its name.
 * Returns NULL if there is no such volume, or if uuid is "".  A volume counts as having this UUID
 * if its line or its metadata cannot be read, for example because a device is missing.  Returns "?"
 * if the line of this volume has no name.
 *
 * read_uuid() sets uuid to the UUID of the metadata at a path, or to "" if the metadata cannot be
 * read.  read_uuid() must not wait long for a device that hangs.
 */
const char *eratab_same_uuid(const struct eratab *tab, const char *name, const char *uuid,
			     void (*read_uuid)(const char *metadata, char uuid[UUID_TEXT_SIZE]));

#endif /* ERAD_ERATAB_USE_H */
