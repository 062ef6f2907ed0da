/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names and numbers of block devices, as the kernel has them in sysfs. */
#ifndef ERAD_SYSFS_H
#define ERAD_SYSFS_H

#include <sys/types.h>

#define DM_NAME_SIZE	128	/* DM_NAME_LEN of the kernel */

/* The name of a mapped device, from sysfs.  ENOENT. */
int dm_name(dev_t dev, char name[DM_NAME_SIZE]);

#define NODE_PATH_SIZE	(DM_NAME_SIZE + 5)

/* The node of a block device, as the kernel names it, or -errno. */
int dm_node(dev_t dev, char path[NODE_PATH_SIZE]);
/* The number in a sysfs "dev" file below dir (…/dev); 0: there is none. */
dev_t sysfs_read_dev(const char *dir);

#endif /* ERAD_SYSFS_H */
