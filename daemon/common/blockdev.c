// SPDX-License-Identifier: GPL-2.0-or-later
/* Looks up block devices, by path or by number: see blockdev.h. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/blockdev.h"

dev_t blockdev_at(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISBLK(st.st_mode) ? st.st_rdev : 0;
}

int blockdev_attribute(dev_t dev, const char *attribute, char *line, size_t size)
{
	char path[128];
	int r = 0;
	FILE *f;

	if (snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major(dev), minor(dev),
		     attribute) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	f = fopen(path, "re");
	if (!f)
		return -errno;
	if (fgets(line, size, f))
		line[strcspn(line, "\n")] = 0;
	else
		r = -ENOENT;
	fclose(f);
	return r;
}

int blockdev_kernel_name(dev_t dev, char *name, size_t size)
{
	char link[64], target[PATH_MAX];
	const char *last;
	ssize_t n;

	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = 0;
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	if (strlen(last) >= size)
		return -ENAMETOOLONG;
	strcpy(name, last);
	/* In sysfs names, ! stands for a slash. */
	for (char *p = name; *p; p++)
		if (*p == '!')
			*p = '/';
	return 0;
}
