// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads names and numbers of block devices from sysfs. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/blockdev.h"
#include "common/sysfs.h"

dev_t sysfs_read_dev(const char *dir)
{
	char path[PATH_MAX];
	unsigned int ma, mi;
	dev_t dev = 0;
	int error;
	FILE *f;

	if (snprintf(path, sizeof(path), "%s/dev", dir) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return 0;
	}
	f = fopen(path, "re");
	if (!f)
		return 0;
	errno = 0;
	if (fscanf(f, "%u:%u", &ma, &mi) == 2)
		dev = makedev(ma, mi);
	error = errno ? errno : ENODATA;
	fclose(f);
	errno = error;
	return dev;
}

int dm_name(dev_t dev, char name[DM_NAME_SIZE])
{
	return blockdev_attribute(dev, "dm/name", name, DM_NAME_SIZE);
}

int dm_node(dev_t dev, char path[NODE_PATH_SIZE])
{
	strcpy(path, "/dev/");
	return blockdev_kernel_name(dev, path + 5, NODE_PATH_SIZE - 5);
}
