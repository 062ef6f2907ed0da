// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds the path of a cgroup by its id: see cgroup.h.  The id is a file handle in cgroupfs. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "eractl/cgroup.h"

/* Handle type FILEID_KERNFS, which only the kernel's own headers define. */
#define FILEID_KERNFS	0xfe

union kernfs_handle {
	struct file_handle handle;
	char room[sizeof(struct file_handle) + sizeof(uint64_t)];
};

/*
 * Opens the root of the default hierarchy.  On a machine that also uses version 1 of cgroups, this
 * hierarchy is mounted at the second path.
 */
static int open_root(const char **root)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct statfs fs;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		*root = places[i];
		if (!statfs(*root, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC)
			return open(*root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	errno = ENODEV;
	return -1;
}

int cgroup_path(uint64_t id, char *path, size_t size)
{
	union kernfs_handle h = {
		.handle = { .handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS },
	};
	char link[32], full[4096];
	const char *root;
	int at, fd, e;
	ssize_t len;

	at = open_root(&root);
	if (at < 0)
		return -errno;
	memcpy(h.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(at, &h.handle, O_PATH | O_CLOEXEC);
	e = errno;
	close(at);
	if (fd < 0)
		return e == ESTALE ? -ENOENT : -e;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, full, sizeof(full) - 1);
	e = errno;
	close(fd);
	if (len < 0)
		return -e;
	full[len] = 0;
	if (strncmp(full, root, strlen(root)))
		return -ENOENT;
	snprintf(path, size, "%s", full[strlen(root)] ? full + strlen(root) : "/");
	return 0;
}
