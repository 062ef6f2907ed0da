/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Examines the place of a volume's metadata, without waiting long for a device or a file system that hangs. */
#ifndef ERAD_PEEK_H
#define ERAD_PEEK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct peek {
	dev_t dev;		/* number of the block device at the path; 0: there is no block device */
	bool is_erad;		/* a superblock page has the magic; store_open() checks the rest */
	uint8_t uuid[16];	/* UUID of the metadata, if is_erad */
};

enum peek_depth {
	PEEK_DEVICE,		/* finds dev only, and reads nothing from the device */
	PEEK_SUPER,
};

/* Examines the place in the calling thread.  Locks nothing.  Waits as long as the device does. */
void peek_now(const char *path, enum peek_depth depth, struct peek *out);

/*
 * Calls peek_now() in a thread of its own.  Returns ETIMEDOUT after ms milliseconds, ENOMEM if
 * there is no memory, or EAGAIN if no thread can be started.  After ETIMEDOUT the thread goes on.
 * As long as it waits, each further call of the same depth for the same path returns ETIMEDOUT at
 * once.  When this thread ends, it calls late, unless late is NULL.
 */
int peek_within(const char *path, enum peek_depth depth, unsigned int ms, void (*late)(void),
		struct peek *out);

#endif /* ERAD_PEEK_H */
