/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of a copy: the moment of the volume that the copy shows, and values that show whether
 * anything else has written to the copy since.
 *
 * The state is stored in an extended attribute of the copy.  So a renamed copy keeps its state, and
 * another file at the same path does not have this state.  Block devices have no such attributes:
 * for a block device, the user names a file.  A state in a file contains a seal of the copy
 * (common/seal.h), and the identity of a block device (common/identity.h), because the file itself
 * does not show to which copy it belongs.  The export of an NBD server has no identity: the state
 * contains the URI of the export.
 */
#ifndef ERACTL_STANDING_H
#define ERACTL_STANDING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/identity.h"
#include "common/seal.h"
#include "eractl/stream.h"

#define STANDING_XATTR	"user.erad.copy"

struct standing {
	/* Name of the moment that the copy shows; "": none. */
	char at[STREAM_NAME_MAX + 1];
	/*
	 * Name of the moment to which a stream was applied in part.  "": the moment has no name, or
	 * no stream was applied in part.
	 */
	char unfinished[STREAM_NAME_MAX + 1];
	/* A stream was applied in part.  The moment of this stream may have no name. */
	bool partial;
	/*
	 * true: mtime and the seal describe the copy as the last receive has left it.  false: the
	 * last receive was killed, or the power failed.
	 */
	bool settled;
	/*
	 * Size of the volume at the moment `at`, in bytes.  0: unknown, because an older version of
	 * eractl wrote the state.  Nothing is known about the content of a block device after this
	 * size.
	 */
	uint64_t size;
	int64_t mtime_s, mtime_ns;		/* modification time of a regular file */
	/* Identity of a block device.  version 0: the copy is a file. */
	struct identity device;
	/*
	 * Hashes of places of the copy.  nr 0: the state is stored in the attribute.  For the
	 * export of an NBD server whose full copy was not completed: hashes of what the export
	 * contained before.
	 */
	struct seal seal;
	/*
	 * If partial is true, for the export of an NBD server: hashes of places of the volume at
	 * the moment `unfinished`.  nr 0: unknown.
	 */
	struct seal unfinished_seal;
	/* URI of the export of an NBD server that is the copy.  "": the copy is a file or a device. */
	char target[STREAM_NAME_MAX + 1];
	/*
	 * The volume was closed when the copy was made, so the copy contains all writes of the era
	 * of `at`.  Only for the export of an NBD server.
	 */
	bool closed;
};

/*
 * Where the state is stored.  fd and path: the copy, which the caller keeps open.  file: path of
 * the file that contains the state; NULL: the state is in an extended attribute of the copy.
 */
struct standing_place {
	int fd;
	const char *path, *file;
};

/*
 * Reads the state of the copy.  ENODATA: there is no state.  EBADMSG: the text is not a state.
 * ENOTSUP: the file system has no such attributes.
 */
int standing_read(const struct standing_place *p, struct standing *s, struct err *err);

/* Writes the state of the copy.  The state is durable when this returns. */
int standing_write(const struct standing_place *p, const struct standing *s, struct err *err);

/* Stores in s the identity of the block device.  Does nothing if the copy is a regular file. */
void standing_identify(const struct standing_place *p, struct standing *s);

/*
 * Makes the copy durable, and stores in s the values that show whether anything writes to the copy
 * later.  size: size of the volume in bytes.  If the state is stored in a file, reads up to
 * SEAL_READ_MAX bytes of the copy.  err does not contain the path of the copy.
 */
int standing_settle(const struct standing_place *p, struct standing *s, uint64_t size, struct err *err);

/*
 * Compares only the block device of the copy with the block device in the state.  ESTALE: they
 * differ, and err says how.
 */
int standing_compare_device(const struct standing_place *p, const struct standing *s, struct err *err);

/*
 * Compares the copy with its state.  Returns 0 if nothing else has written to the copy.  ESTALE:
 * the copy was written, or is another device.  ENODATA: the state is not settled.  If so, only the
 * identity of the device was compared.  err says what differs, without the path of the copy.
 */
int standing_compare(const struct standing_place *p, const struct standing *s, struct err *err);

#endif /* ERACTL_STANDING_H */
