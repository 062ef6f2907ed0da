/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a copy stands: of which snapshot it is a copy.  This is in an extended attribute of the copy, so that it goes along when
 * the file is renamed, and is not inherited by another file that takes the copy's place.  Block devices have no such
 * attributes: for them, the user names a file.
 */
#ifndef ERACTL_STANDING_H
#define ERACTL_STANDING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "eractl/stream.h"

#define STANDING_XATTR	"user.erad.copy"

struct standing {
	char at[STREAM_NAME_MAX + 1];		/* the snapshot; "": it is a copy of none */
	char unfinished[STREAM_NAME_MAX + 1];	/* a part of what leads to this one is in the copy; "": all is complete */
	bool partial;				/* an unfinished stream, which may have no name */
	int64_t mtime_s, mtime_ns;		/* of a file whose copy is complete */
};

/* fd and path: the copy.  file: the file for it, or NULL for the attribute. */
struct standing_place {
	int fd;
	const char *path, *file;
};

/* ENODATA: there is none.  EBADMSG: it cannot be understood.  ENOTSUP: attributes are not possible here. */
int standing_read(const struct standing_place *p, struct standing *s, struct err *err);

/* Durable on return. */
int standing_write(const struct standing_place *p, const struct standing *s, struct err *err);

#endif /* ERACTL_STANDING_H */
