/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Creates volumes.  May take long, and runs in the thread of the request.  The error sentences do
 * not name the volume: the caller adds its name.
 */
#ifndef ERAD_CREATE_H
#define ERAD_CREATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct volume;

struct create_args {
	const char *name;
	const char *origin;	/* path; eratab gets a path that leads to the origin after the next boot too, if there is one */
	const char *metadata;	/* NULL: a file in ERAD_LIB_DIR */
	uint64_t block_size;	/* bytes */
	bool overwrite;		/* the user has asked to overwrite the content of the metadata's place */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);	/* bytes */
	void *ctx;
};

/*
 * Writes nothing to the origin.  A failed create leaves no file, no line in eratab and no device
 * behind, and it leaves every byte of the metadata's place as it was.  Exception: the user has
 * asked to overwrite a block device, and writing to it had begun.  *out is a reference, which the
 * caller drops.
 */
int op_create(const struct create_args *a, struct volume **out, struct err *err);

#endif /* ERAD_CREATE_H */
