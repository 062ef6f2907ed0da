/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a file or block device to compare it, and finds out whether it was written meanwhile. */
#ifndef ERACTL_COMPARED_H
#define ERACTL_COMPARED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "common/err.h"

struct compared {
	const char *path;
	int fd;			/* -1: not open */
	dev_t dev;		/* number of the block device; 0: this is a file */
	uint64_t size;		/* bytes */
	char *buf;		/* content that compared_read() has read last */
	char written[128];	/* values that change with each write: counters of a device, or the times of a file */
};

/*
 * Opens the path for reading.  If nobody uses the device, nobody can mount it until
 * compared_close().  c->fd must be -1.  Call compared_close() in any case.
 */
int compared_open(struct compared *c, const char *path, struct err *err);
void compared_close(struct compared *c);

/* Returns whether both paths lead to the same file or device; false if this cannot be found out. */
bool compared_same(const char *a, const char *b);

/* Makes buf len bytes long. */
int compared_buffer(struct compared *c, uint64_t len, struct err *err);

/* Reads len bytes at offset into buf, from the medium if possible. */
int compared_read(struct compared *c, uint64_t offset, uint64_t len, struct err *err);

/* Returns EBUSY, with a sentence, if the file or device was written since compared_open(). */
int compared_check_still(const struct compared *c, struct err *err);

#endif /* ERACTL_COMPARED_H */
