// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes back the dirty pages of a file system: see fs_sync.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "erad/base/apart.h"
#include "erad/base/log.h"
#include "erad/device/fs_sync.h"
#include "erad/device/mounts.h"

/* Syncs the file system of a mount.  ENODEV: another file system is mounted over this mount. */
static int sync_mount(void *arg)
{
	const struct mount *m = arg;
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
		r = apart_run(sync_mount, &m);
		if (r)
			log_debug("%s cannot be synced: %s", m.where, strerror(-r));
	}
	if (t.error)
		log_debug("a file system is not synced, because /proc/self/mountinfo cannot be read: %s", strerror(-t.error));
	mounts_close(&t);
}
