/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks that no other volume uses an origin, a place of metadata, or the UUID of metadata.  erad
 * recognizes the target of a volume by the UUID of the metadata.  If two live volumes had the same
 * UUID, erad would confuse them, and record the writes of one in the metadata of the other.
 */
#ifndef ERAD_CONFLICT_H
#define ERAD_CONFLICT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/eratab.h"

/* What a volume uses, or is about to use. */
struct use {
	const char *name;		/* name of the volume; a volume has no conflict with itself */
	const char *origin;		/* paths; each may be NULL */
	const char *metadata;
	dev_t origin_dev;
	const uint8_t *uuid;		/* UUID of the metadata; NULL: not known */
};

/*
 * Returns EBUSY if another open volume or live target uses the origin or the metadata, or has
 * metadata with the same UUID.  err names the other volume.
 */
int conflict_live(const struct use *u, struct err *err);

/*
 * Returns EEXIST if another line of eratab has the same origin or the same metadata, as its origin
 * or as its metadata.  err names the other volume.
 */
int conflict_line(const struct eratab *tab, const struct use *u, struct err *err);

/*
 * Returns whether another line of eratab, another open volume or another live target uses the
 * metadata file at path; then `who` names it.  name: the volume that does not need the file any
 * more.
 */
bool conflict_file(const struct eratab *tab, const char *name, const char *path, struct err *who);

#endif /* ERAD_CONFLICT_H */
