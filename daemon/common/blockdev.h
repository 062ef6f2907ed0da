/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks up block devices, by path or by number.  Any thread may call all of this; nothing is opened but sysfs. */
#ifndef ERAD_BLOCKDEV_H
#define ERAD_BLOCKDEV_H

#include <stddef.h>
#include <sys/types.h>

/* The number of the block device at path.  0: nothing is there, or it is not a block device. */
dev_t blockdev_at(const char *path);

/* The first line of the device's sysfs attribute, cut to size - 1 bytes.  Negative errno: there is none. */
int blockdev_attribute(dev_t dev, const char *attribute, char *line, size_t size);

/* The name of the device's node below /dev, as the kernel names it.  Negative errno. */
int blockdev_kernel_name(dev_t dev, char *name, size_t size);

#endif /* ERAD_BLOCKDEV_H */
