/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks up block devices, by path or by number.  Any thread may call these functions.  They open
 * only files of sysfs.
 */
#ifndef ERAD_BLOCKDEV_H
#define ERAD_BLOCKDEV_H

#include <stddef.h>
#include <sys/types.h>

/* Returns the number of the block device at path.  0: there is no block device at path. */
dev_t blockdev_at(const char *path);

/*
 * Reads the first line of the device's sysfs attribute, cut to size - 1 bytes.  Returns a negative errno if
 * there is no such attribute, or if it is empty.
 */
int blockdev_attribute(dev_t dev, const char *attribute, char *line, size_t size);

/* Writes the kernel's name of the device, which is the name of its node below /dev.  Returns 0 or a negative errno. */
int blockdev_kernel_name(dev_t dev, char *name, size_t size);

#endif /* ERAD_BLOCKDEV_H */
