/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether what a volume is to use belongs to another volume: its origin, the place of its
 * metadata, or the UUID of its metadata.
 *
 * The module knows a target by the UUID of its metadata, so that two live volumes with
 * one UUID would take each other's writes.
 */
#ifndef ERAD_CONFLICT_H
#define ERAD_CONFLICT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/eratab.h"

/* What a volume uses, or is about to. */
struct use {
	const char *name;		/* of the volume, which is no conflict with itself */
	const char *origin;		/* paths */
	const char *metadata;
	dev_t origin_dev;
	const uint8_t *uuid;		/* of the metadata; NULL: not known */
};

/*
 * EBUSY, naming the other, if an open volume or a live target has the origin or
 * the metadata, or metadata with the same UUID.
 */
int conflict_live(const struct use *u, struct err *err);

/* EEXIST, naming the other, if another line of the table has the origin or the metadata, as either of the two. */
int conflict_line(const struct eratab *tab, const struct use *u, struct err *err);

/*
 * Whether another line of the table, an open volume or a live target has the metadata file at
 * path; who says which.  name: the volume that gives the file up.
 */
bool conflict_file(const struct eratab *tab, const char *name, const char *path, struct err *who);

#endif /* ERAD_CONFLICT_H */
