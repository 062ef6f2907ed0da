// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes back and freezes the file system on a mapped device: see fs_sync.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/dm_tables.h"
#include "erad/device/fs_sync.h"
#include "erad/device/mounts.h"

/* Syncs the file system of a mount.  ENODEV: another file system is mounted over this mount. */
static int sync_mount(const struct mount *m)
{
	struct stat st;
	int fd, r = 0;

	fd = open(m->where, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		r = -errno;
	else if (st.st_dev != m->dev)
		r = -ENODEV;
	else if (syncfs(fd))
		r = -errno;
	close(fd);
	return r;
}

void fs_sync(dev_t dev)
{
	struct mounts t;
	struct mount m;
	int r = -ENODEV;

	mounts_open(&t);
	while (r && mounts_next(&t, &m)) {
		if (mount_device(&m) != dev)
			continue;
		r = sync_mount(&m);
	}
	mounts_close(&t);
}

int fs_swap_frozen(dev_t dev, struct err *err)
{
	struct dm_device d;
	uint64_t us;
	int r = dm_tables_read(dev, &d, err);

	if (r)
		return r;
	r = dm_tables_swap_frozen(&d, &us, err);
	dm_tables_free(&d);
	return r;
}
