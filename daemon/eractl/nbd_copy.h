/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies the content of a volume to the export of an NBD server, and reads it back. */
#ifndef ERACTL_NBD_COPY_H
#define ERACTL_NBD_COPY_H

#include <stdint.h>
#include <stdio.h>

#include "eractl/backup.h"
#include "eractl/nbd_target.h"

struct nbd_copy {
	/* The caller sets these two fields. */
	struct nbd_target *target;
	struct backup *b;
	FILE *written;		/* temporary file, an array of struct nbd_written */
	uint64_t written_bytes;	/* sum of the lengths in `written` */
	/* Zeros that are not written yet, because more zeros may follow; length 0: none. */
	uint64_t zeros_offset, zeros_length;
};

/* Makes the temporary file.  The caller calls nbd_copy_close() also after an error. */
int nbd_copy_open(struct nbd_copy *c, struct err *err);
void nbd_copy_close(struct nbd_copy *c);

/*
 * Reads the extents of b->content, and begins to write them to the target.  Some requests may not
 * be done when this returns.
 */
int nbd_copy_write(struct nbd_copy *c, struct err *err);

/* Reads back what was written, and compares checksums.  Call this after nbd_target_flush(). */
int nbd_copy_verify(struct nbd_copy *c, struct err *err);

#endif /* ERACTL_NBD_COPY_H */
