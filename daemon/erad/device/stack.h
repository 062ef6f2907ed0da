/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the devices and files on which a block device or a file lies.  A partition lies on its
 * disk.  A device-mapper or md device lies on its slaves, and a loop device on its backing file.  A
 * file lies on the devices of its file system, and a file of overlayfs on the devices of its upper
 * layer.
 *
 * A stack does not contain the devices below ZFS, because the mount table names no device for ZFS.
 * probe_in_use() finds these devices, because ZFS and mounted file systems open their devices
 * exclusively.
 */
#ifndef ERAD_STACK_H
#define ERAD_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/err.h"

#define STACK_MAX	256

struct stack {
	dev_t dev[STACK_MAX];		/* the device itself, and all devices below it */
	size_t nr;
	struct {
		dev_t dev;
		ino_t ino;
	/*
	 * The file of stack_add_file(), and files in upper layers and behind loop devices below it.
	 */
	} file[STACK_MAX];
	size_t nr_files;
	/*
	 * How many entries of `file`, from the first on, are the file of stack_add_file().  A file
	 * of an overlay counts twice: as itself, and as the file in the upper layer.
	 */
	size_t nr_own;
	/*
	 * Why a reboot destroys a part of the stack: a static text that follows "PATH is ".  NULL:
	 * a reboot destroys nothing.
	 */
	const char *volatile_why;
};

/* These functions add to a stack.  An empty stack is { 0 }.  E2BIG: more than STACK_MAX devices. */
int stack_add_device(struct stack *s, dev_t dev, struct err *err);

/*
 * Adds the file or directory, the devices of its file system, and all devices below them.  If path
 * is a block device, adds it as stack_add_device() does.  Call this at most once for a stack.
 */
int stack_add_file(struct stack *s, const char *path, struct err *err);

bool stack_has_device(const struct stack *s, dev_t dev);
bool stack_has_file(const struct stack *s, dev_t dev, ino_t ino);

#endif /* ERAD_STACK_H */
