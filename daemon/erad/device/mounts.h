/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mounts and the swap space that this process sees, from /proc.
 *
 * One line at a time is in memory: a machine may have ten thousand mounts, and erad's memory is locked.
 */
#ifndef ERAD_MOUNTS_H
#define ERAD_MOUNTS_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct mount {
	unsigned long long id;	/* the stx_mnt_id of statx() */
	dev_t dev;		/* st_dev of most files there */
	const char *root;	/* the directory of the file system that is mounted */
	const char *where;
	const char *type;
	const char *source;
	const char *options;	/* of the file system, escaped: see mount_option() */
};

struct mounts {
	FILE *f;
	char *line;
	size_t size;
};

/* If the table cannot be read, it seems to be empty.  The caller must call mounts_close(). */
void mounts_open(struct mounts *t);
/* False: there are no more.  The strings of m are valid until the next call. */
bool mounts_next(struct mounts *t, struct mount *m);
void mounts_close(struct mounts *t);

/*
 * The block device of the file system.  For a file system with a device number of its own (btrfs) this is the
 * source, which names one of its devices.  0: the file system has no block device.
 */
dev_t mount_device(const struct mount *m);

/* The value of the option NAME=VALUE.  False: there is none, or with its escapes it has size bytes or more. */
bool mount_option(const struct mount *m, const char *name, char *value, size_t size);

/* Whether the block device is swap space in use. */
bool swaps_have(dev_t dev);

#endif /* ERAD_MOUNTS_H */
