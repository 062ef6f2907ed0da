/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file or block device that is read to be compared, and that must not change meanwhile. */
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
	dev_t dev;		/* of a block device; 0: a file */
	uint64_t size;		/* bytes */
	char *buf;		/* of the last compared_read() */
	char written[128];	/* what changes with each write: counters of a device, the times of a file */
};

/*
 * Opens for reading.  A device that nobody uses cannot be mounted until compared_close().  c->fd must be -1;
 * c is to be closed in any case.
 */
int compared_open(struct compared *c, const char *path, struct err *err);
void compared_close(struct compared *c);

/* Whether both paths lead to one file or device.  False if that is not known. */
bool compared_same(const char *a, const char *b);

/* Makes buf len bytes long. */
int compared_buffer(struct compared *c, uint64_t len, struct err *err);

/* Reads len bytes at offset into buf, from the medium where possible. */
int compared_read(struct compared *c, uint64_t offset, uint64_t len, struct err *err);

/* EBUSY, with a sentence, if it was written to since compared_open(). */
int compared_check_still(const struct compared *c, struct err *err);

#endif /* ERACTL_COMPARED_H */
