// SPDX-License-Identifier: GPL-2.0-or-later
/* Lists the holders or the slaves of a block device: see dev_links.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/dev_links.h"
#include "common/sysfs.h"

void dev_links_open(struct dev_links *l, dev_t dev, enum dev_links_kind kind)
{
	char device[64];

	snprintf(device, sizeof(device), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	*l = (struct dev_links){ 0 };
	l->dir_len = snprintf(l->path, sizeof(l->path), "%s/%s", device, kind == DEV_HOLDERS ? "holders" : "slaves");
	l->dir = opendir(l->path);
	if (!l->dir && errno != ENOENT)
		l->error = -errno;
	else if (!l->dir && access(device, F_OK))
		l->error = errno == ENOENT ? -ENODEV : -errno;
}

/* Returns 1, 0 if the neighbour has been removed, or a negative errno. */
static int read_link(struct dev_links *l, const char *entry)
{
	l->path[l->dir_len] = 0;
	if (strlen(entry) >= sizeof(l->name) || l->dir_len + 1 + strlen(entry) >= sizeof(l->path))
		return -ENAMETOOLONG;
	strcpy(l->name, entry);
	/* In a name, sysfs shows '!' in place of each slash. */
	for (char *p = l->name; (p = strchr(p, '!'));)
		*p = '/';
	strcat(strcat(l->path, "/"), entry);
	l->dev = sysfs_read_dev(l->path);
	if (!l->dev)
		return errno == ENOENT || errno == ENODEV ? 0 : -errno;
	l->path[l->dir_len] = 0;
	return 1;
}

int dev_links_next(struct dev_links *l)
{
	const struct dirent *entry;
	int r = l->error;

	while (l->dir && !r) {
		errno = 0;
		entry = readdir(l->dir);
		if (!entry && !errno)
			return 0;
		if (!entry)
			r = -errno;
		else if (entry->d_name[0] != '.')
			r = read_link(l, entry->d_name);
	}
	if (r < 0)
		l->error = r;
	return r;
}

void dev_links_close(struct dev_links *l)
{
	if (l->dir)
		closedir(l->dir);
	l->dir = NULL;
}
