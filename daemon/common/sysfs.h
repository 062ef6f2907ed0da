/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads names and numbers of block devices from sysfs. */
#ifndef ERAD_SYSFS_H
#define ERAD_SYSFS_H

#include <sys/types.h>

#define DM_NAME_SIZE	128	/* the kernel's DM_NAME_LEN */

/* Reads the name of a mapped device.  ENOENT: the device is not a mapped device. */
int dm_name(dev_t dev, char name[DM_NAME_SIZE]);

#define NODE_PATH_SIZE	(DM_NAME_SIZE + 5)

/*
 * Finds the node of a block device, by the kernel's name of the device.  Returns 0 or a negative
 * errno.
 */
int dm_node(dev_t dev, char path[NODE_PATH_SIZE]);

/*
 * Returns the number in the file "dev" of a directory of sysfs.  Returns 0 and sets errno if this
 * file cannot be read.  ENOENT or ENODEV: the device has been removed.
 */
dev_t sysfs_read_dev(const char *dir);

#endif /* ERAD_SYSFS_H */
