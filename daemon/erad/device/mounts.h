/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads from /proc the mounts and the swap space that this process sees.  Keeps only one line at a
 * time in memory, because a machine may have ten thousand mounts, and erad's memory is locked.
 */
#ifndef ERAD_MOUNTS_H
#define ERAD_MOUNTS_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct mount {
	unsigned long long id;	/* id of the mount, which statx() also returns in stx_mnt_id */
	dev_t dev;		/* st_dev of most files in the mount */
	const char *root;	/* the directory inside the file system that is mounted */
	const char *where;
	const char *type;
	const char *source;
	const char *options;	/* options of the file system, with escapes: see mount_option() */
};

struct mounts {
	FILE *f;
	char *line;
	size_t size;
	int error;		/* 0, or a negative errno: the table was not read to its end */
};

/*
 * Opens the table.  If the table cannot be read, mounts_next() finds no mount, and t->error says
 * why.  The caller calls mounts_close() in any case.
 */
void mounts_open(struct mounts *t);
/*
 * Reads the next mount.  Returns false if no mount is left, or after an error, which t->error then
 * contains.  The strings of m are valid until the next call.
 */
bool mounts_next(struct mounts *t, struct mount *m);
void mounts_close(struct mounts *t);

/*
 * Returns the number of the block device of the mount's file system.  The st_dev of a btrfs is not
 * a block device; for a btrfs, the result is the number of the mount's source, which is one of its
 * devices.  0: the mount table names no block device for the file system.
 */
dev_t mount_device(const struct mount *m);

/*
 * Copies the value of the option NAME=VALUE.  Returns false if the option is missing, or if the
 * value with its escapes has `size` bytes or more.
 */
bool mount_option(const struct mount *m, const char *name, char *value, size_t size);

/*
 * Calls fn for each block device that is swap space in use, until fn returns true.  Returns 1 if fn
 * has returned true, 0 if not, or a negative errno if the table of swap space cannot be read.
 */
int swaps_find(bool (*fn)(dev_t dev, void *arg), void *arg);

/* Returns 1 if the block device is swap space in use, 0 if not, or a negative errno. */
int swaps_have(dev_t dev);

#endif /* ERAD_MOUNTS_H */
