/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lies at the place of a volume's metadata, found out without waiting for a device or a
 * file system that hangs.
 */
#ifndef ERAD_PEEK_H
#define ERAD_PEEK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct peek {
	dev_t dev;		/* of the block device that the path is; 0: it is none */
	bool is_erad;		/* a superblock has the magic; store_open() looks more closely */
	uint8_t uuid[16];	/* its UUID, if is_erad */
};

enum peek_depth {
	PEEK_DEVICE,		/* dev only: nothing is read */
	PEEK_SUPER,
};

/* Takes no lock on what it reads.  Waits as long as the device does. */
void peek_now(const char *path, enum peek_depth depth, struct peek *out);

/*
 * peek_now() in a thread of its own.  Returns ETIMEDOUT after ms milliseconds, ENOMEM if there is no memory,
 * EAGAIN if no thread can be started.  The thread of a call that has timed out goes on; as long as it waits, each
 * further call of the same depth for the same path returns ETIMEDOUT at once.  When this thread ends, it calls
 * late, unless late is NULL.
 */
int peek_within(const char *path, enum peek_depth depth, unsigned int ms, void (*late)(void),
		struct peek *out);

#endif /* ERAD_PEEK_H */
