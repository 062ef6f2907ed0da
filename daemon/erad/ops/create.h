/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Creates volumes.  These functions may take long, and run in the thread of the request.  Error
 * messages do not name the volume, because the caller adds its name.
 */
#ifndef ERAD_CREATE_H
#define ERAD_CREATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct attach;
struct creation;
struct dm_table;
struct eratab_entry;
struct volume;

struct create_args {
	const char *name;
	/*
	 * Path of the origin.  If there is a lasting path of the same device, eratab contains this
	 * path instead.
	 */
	const char *origin;
	const char *metadata;	/* path of the metadata; NULL: a file in ERAD_LIB_DIR */
	uint64_t block_size;	/* in bytes */
	/* The user has allowed create to overwrite the content of the metadata's file or device. */
	bool overwrite;
	/* done and total are in bytes. */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
	/* For op_attach(): how the origin is used now.  NULL for a create. */
	struct attach *below;
};

/*
 * Creates and opens a volume.  Writes nothing to the origin.  *out is a reference, which the caller
 * drops.  After a failure, there is no new file, no line in eratab and no device, and every byte of
 * the metadata's place is as before.  There are three exceptions.  If the user has allowed to
 * overwrite a block device, a part of its content may be lost.  If the new device cannot be
 * removed, the device, the line and the metadata stay.  If the metadata's place does not answer any
 * more, the metadata stays.
 */
int op_create(const struct create_args *a, struct volume **out, struct err *err);

/*
 * For op_attach(), which takes the steps of a create one by one.  create_with() checks the paths,
 * completes the arguments, claims the name and calls fn.  creation_new() makes all other checks.
 * The caller ends the creation that creation_new() returns by creation_keep() or creation_undo();
 * until this call, the creation contains pointers to the arguments.
 */
int create_with(const struct create_args *args,
		int (*fn)(const struct create_args *a, struct volume **out, struct err *err),
		struct volume **out, struct err *err);
int creation_new(const struct create_args *a, struct creation **out, struct err *err);
/* Returns the line for eratab. */
struct eratab_entry *creation_entry(struct creation *c);
/* Fills in t: the length, the origin and the UUID. */
void creation_table(const struct creation *c, struct dm_table *t);
/*
 * Fails if creation_write() would refuse the file or device of the metadata.  Returns 0 if the path
 * leads to neither of them.  Writes nothing.
 */
int creation_examine(const struct creation *c, struct err *err);
/* Writes the metadata. */
int creation_write(struct creation *c, struct err *err);
void creation_keep(struct creation *c);
/*
 * Undoes creation_write().  If the place of the metadata does not answer within PEEK_OPEN_MS, leaves
 * the place as it is, and adds this to err, the error of the create.
 */
void creation_undo(struct creation *c, struct err *err);

#endif /* ERAD_CREATE_H */
