// SPDX-License-Identifier: GPL-2.0-or-later
/* Looks up block devices, by path or by number: see blockdev.h. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/blockdev.h"

dev_t blockdev_at(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISBLK(st.st_mode) ? st.st_rdev : 0;
}

bool blockdev_same_place(const char *a, const char *b)
{
	struct stat sa, sb;

	if (stat(a, &sa) || stat(b, &sb))
		return false;
	if (S_ISBLK(sa.st_mode) && S_ISBLK(sb.st_mode))
		return sa.st_rdev == sb.st_rdev;
	return sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
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

int blockdev_disk_attribute(dev_t dev, const char *attribute, char *line, size_t size)
{
	char up[32], text[16];

	if (blockdev_attribute(dev, "partition", text, sizeof(text)))
		return blockdev_attribute(dev, attribute, line, size);
	snprintf(up, sizeof(up), "../%s", attribute);
	return blockdev_attribute(dev, up, line, size);
}

/* Returns whether the device is request-based: only these devices have the directory mq. */
static bool has_requests(dev_t dev)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/mq", major(dev), minor(dev));
	return !access(path, F_OK);
}

bool blockdev_counters_off(dev_t dev)
{
	unsigned int major_version = 0, minor_version = 0;
	struct utsname kernel;
	char line[64];

	if (blockdev_disk_attribute(dev, "queue/iostats", line, sizeof(line)) || strcmp(line, "0"))
		return false;
	/* Commit 526d10061bc2 is in 6.5: "dm: support turning off block-core's io stats accounting". */
	if (blockdev_attribute(dev, "dm/name", line, sizeof(line)) || has_requests(dev))
		return true;
	return !uname(&kernel) && sscanf(kernel.release, "%u.%u", &major_version, &minor_version) == 2 &&
		(major_version > 6 || (major_version == 6 && minor_version >= 5));
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
	/* In a name, sysfs shows '!' in place of each slash. */
	for (char *p = name; *p; p++)
		if (*p == '!')
			*p = '/';
	return 0;
}

bool blockdev_link_names_content(const char *link)
{
	static const char *const directories[] = { "disk/by-uuid/", "disk/by-label/" };

	for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++)
		if (!strncmp(link, directories[i], strlen(directories[i])))
			return true;
	return false;
}
