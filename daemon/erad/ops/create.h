/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making volumes.
 *
 * May take long and runs in the requester's thread.  Sentences do not name the volume: the caller does.
 */
#ifndef ERAD_CREATE_H
#define ERAD_CREATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct volume;

struct create_args {
	const char *name;
	const char *origin;	/* eratab gets a path that names it after the next boot too, if there is one */
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
 *
 * *out is a reference, the caller's.
 */
int op_create(const struct create_args *a, struct volume **out, struct err *err);

#endif /* ERAD_CREATE_H */
