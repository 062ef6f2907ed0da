/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What people ask for: making volumes, opening, closing, forgetting them.
 *
 * All may take long and run in the requester's thread.  The volume that comes
 * back is a reference, the caller's.  Sentences do not name the volume: the caller does.
 */
#ifndef ERAD_OPS_H
#define ERAD_OPS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/eratab.h"
#include "erad/volume/volume.h"

struct create_args {
	const char *name;
	const char *origin;
	const char *metadata;	/* NULL: a file in ERAD_LIB_DIR */
	uint64_t block_size;	/* bytes */
	bool overwrite;		/* the user has asked to overwrite what the metadata's place holds */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);	/* bytes */
	void *ctx;
};

/*
 * Changes nothing on the origin.  A failed create leaves no file, no line in the
 * table and no device behind.  It leaves every byte of the metadata's place as it was, unless
 * the user has asked to overwrite a block device and writing to it had begun.
 */
int op_create(const struct create_args *a, struct volume **out, struct err *err);

/* 0 too if it is open already and works. */
int op_open(const char *name, struct volume **out, struct err *err);

/* 0 too if it is closed already.  EBUSY if the device is in use. */
int op_close(const char *name, struct err *err);

struct resized {
	uint64_t had, has;	/* bytes */
	uint32_t era;
};

/*
 * Gives a volume, open or closed, another size: bytes, or 0 for that of its
 * origin.  If it fails before the new table is in use, nothing has changed.
 */
int op_resize(const char *name, uint64_t bytes, struct resized *out, struct err *err);

/*
 * Takes a closed volume out of the table and removes its metadata if that is
 * the file that create makes by default and no other line, open volume or live target has
 * it.  EINVAL if two lines name the volume.  *metadata, the path, is the caller's to free.
 */
int op_forget(const char *name, char **metadata, struct err *err);

/* Fails held writes.  Waits for nothing, so that it helps where all else hangs. */
int op_abort(const char *name, struct err *err);

/* An open volume.  ENOTCONN: it is in the table, but closed.  ENOENT. */
int op_find(const char *name, struct volume **out, struct err *err);

/* The metadata of a closed volume that is in the table, for reading; the caller closes it. */
int op_open_closed(const char *name, struct store **out, struct err *err);

/* Reads the table; the caller frees it. */
int op_read_table(struct eratab *tab, struct err *err);

/* The volume's line in it too, or ENOENT; the caller frees the table unless this fails. */
int op_find_entry(const char *name, struct eratab *tab, const struct eratab_entry **e,
		  struct err *err);

#endif /* ERAD_OPS_H */
