/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Examines a file or device that may contain metadata.  If the device or the file system hangs,
 * does not wait long.
 */
#ifndef ERAD_PEEK_H
#define ERAD_PEEK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct peek {
	dev_t dev;		/* the block device at the path; 0: no block device */
	/* A superblock page has the magic number.  store_open() checks the rest. */
	bool is_erad;
	uint8_t uuid[16];	/* UUID of the metadata if is_erad is true */
};

enum peek_depth {
	PEEK_DEVICE,		/* find dev only, and read nothing from the device */
	PEEK_SUPER,
};

/*
 * Examines the path in the calling thread, without a lock on the metadata.  Waits as long as the
 * device takes.
 */
void peek_now(const char *path, enum peek_depth depth, struct peek *out);

/*
 * Calls peek_now() in a thread of its own.  ETIMEDOUT: the thread has not ended after ms
 * milliseconds, and goes on.  While the thread goes on, each further call of the same depth for the
 * same path returns ETIMEDOUT at once.  When a thread that has gone on ends, it calls late(),
 * unless late is NULL.  ENOMEM: there is no memory.  EAGAIN: no thread can be started.
 */
int peek_within(const char *path, enum peek_depth depth, unsigned int ms, void (*late)(void),
		struct peek *out);

#endif /* ERAD_PEEK_H */
