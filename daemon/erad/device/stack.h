/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds what a block device or a file is on.  Partitions are on their disk, device-mapper and md
 * devices on their slaves, loop devices on the file behind them, and files on the devices of their
 * file system.  A file of overlayfs is on the devices of its upper layer.  ZFS is not followed,
 * because the mount table names no device of it.  ZFS and mounted file systems hold their devices
 * exclusively, so probe_in_use() finds these.
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
	} file[STACK_MAX];		/* files behind loop devices */
	size_t nr_files;
	/* NULL, or why a part of the stack is lost in a reboot: static text to follow "is". */
	const char *volatile_why;
};

/* Add to a stack.  An empty stack is { 0 }.  E2BIG: more than STACK_MAX devices. */
int stack_add_device(struct stack *s, dev_t dev, struct err *err);

/* Adds the file itself, and the devices of its file system if it has any. */
int stack_add_file(struct stack *s, const char *path, struct err *err);

bool stack_has_device(const struct stack *s, dev_t dev);
bool stack_has_file(const struct stack *s, dev_t dev, ino_t ino);

#endif /* ERAD_STACK_H */
