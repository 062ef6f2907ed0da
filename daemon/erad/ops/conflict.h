/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks that no other volume uses an origin, a metadata file or device, or the UUID of metadata.
 * erad recognizes the target of a volume by the UUID of the metadata.  If two live volumes had the
 * same UUID, erad would confuse them, and would record the writes of one volume in the metadata of
 * the other.
 *
 * The paths of other volumes are looked up in processes of their own, because their file systems may
 * hang.  A path that does not answer within two seconds counts as another place.  In
 * conflict_file(), it counts as the same place, because the caller removes the file if there is no
 * conflict.  If no process can be started, all functions return an error.
 */
#ifndef ERAD_CONFLICT_H
#define ERAD_CONFLICT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/eratab.h"

/* What a volume uses, or is about to use. */
struct use {
	const char *name;		/* name of the volume, which has no conflict with itself */
	/* Paths of origin and metadata.  NULL: not known. */
	const char *origin;
	const char *metadata;
	dev_t origin_dev;		/* 0: not known */
	const uint8_t *uuid;		/* UUID of the metadata; NULL: not known */
};

/*
 * Returns EBUSY if another open volume or live target uses the origin or the metadata, or if its
 * metadata has the same UUID.  err names the other volume.  The path of the metadata must be known.
 */
int conflict_live(const struct use *u, struct err *err);

/*
 * Returns EEXIST if the origin or the metadata of u is the origin or the metadata of another line
 * in eratab.  err names the other volume.  ETIMEDOUT: after ten seconds, too many paths have not
 * answered.
 */
int conflict_line(const struct eratab *tab, const struct use *u, struct err *err);

/* As conflict_line(), for the copy-on-write store of an image, which no line may use. */
int conflict_store(const struct eratab *tab, const char *path, struct err *err);

/*
 * Returns whether the metadata file at path is used by another line of eratab, another open volume
 * or another live target.  If so, `who` names the user.  name: a volume that may use the file
 * itself.  Also returns true if this cannot be found out, or if the path of another volume does not
 * answer.
 */
bool conflict_file(const struct eratab *tab, const char *name, const char *path, struct err *who);

#endif /* ERAD_CONFLICT_H */
