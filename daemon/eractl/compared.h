/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a file or block device to compare it, and finds out whether it was written during the
 * comparison.
 */
#ifndef ERACTL_COMPARED_H
#define ERACTL_COMPARED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "common/err.h"
#include "common/table_state.h"

#define COMPARED_WRITTEN	128u

struct compared {
	const char *path;
	int fd;			/* file descriptor; -1: not open */
	dev_t dev;		/* number of the block device; 0: this is a file */
	bool exclusive;		/* no other program uses the device; false for a file */
	int lock_fd;		/* lock of reader_lock.h; -1: none */
	uint64_t size;		/* size in bytes */
	char *buf;		/* bytes of the last compared_read() */
	/*
	 * Values that change with each write: counters of a device, or the size of a file and the
	 * time of its last modification.
	 */
	char written[COMPARED_WRITTEN];
};

#define COMPARED_NONE	{ .fd = -1, .lock_fd = -1 }

/*
 * Opens the path for reading.  If no other program uses the device, nobody can mount it until
 * compared_close(), and erad knows that it is only read: see common/reader_lock.h.  EBUSY: writes to
 * the device have been in flight for five seconds.  c must be COMPARED_NONE.  The caller calls
 * compared_close() also after an error.
 */
int compared_open(struct compared *c, const char *path, struct err *err);
void compared_close(struct compared *c);

/*
 * Sets *out to the kernel's counters of writes to the device, as they were at compared_open().  For a
 * file, out->known is 0.
 */
void compared_count(const struct compared *c, struct origin_count *out);

/* Allocates c->buf, with room for len bytes.  Call this once, before compared_read(). */
int compared_buffer(struct compared *c, uint64_t len, struct err *err);

/* Reads len bytes at offset into c->buf, from the medium if possible. */
int compared_read(struct compared *c, uint64_t offset, uint64_t len, struct err *err);

/*
 * Checks that the file or device was not written since compared_open().  EBUSY: it was written, or
 * writes to the device have been in flight for five seconds.  consequence: the words that follow
 * "while it was" in the message, for example "copied, so this copy does not count".
 */
int compared_check_still(const struct compared *c, const char *consequence, struct err *err);

#endif /* ERACTL_COMPARED_H */
