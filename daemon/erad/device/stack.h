/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a block device or a file stands on: partitions on their disk,
 * device-mapper and md on their slaves, loop devices on the file behind them,
 * files on the devices of their filesystem, overlayfs on that of its upper layer.
 *
 * ZFS is not followed, because the mount table names no device of it. It holds
 * its devices exclusively, and so do mounted filesystems: probe_in_use() finds them.
 */
#ifndef ERAD_STACK_H
#define ERAD_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/err.h"

#define STACK_MAX	256

struct stack {
	dev_t dev[STACK_MAX];		/* everything below, and the device itself */
	size_t nr;
	struct {
		dev_t dev;
		ino_t ino;
	} file[STACK_MAX];		/* behind loop devices */
	size_t nr_files;
	/* NULL, or why something of it is gone at the next boot: static text that follows "is". */
	const char *volatile_why;
};

/* Empty stacks begin as { 0 }.  E2BIG: more than STACK_MAX devices. */
int stack_add_device(struct stack *s, dev_t dev, struct err *err);

/* The file itself and the devices of its filesystem, where it has any. */
int stack_add_file(struct stack *s, const char *path, struct err *err);

bool stack_has_device(const struct stack *s, dev_t dev);
bool stack_has_file(const struct stack *s, dev_t dev, ino_t ino);

#endif /* ERAD_STACK_H */
