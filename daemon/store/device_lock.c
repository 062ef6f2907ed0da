// SPDX-License-Identifier: GPL-2.0-or-later
/* Locks on a block device as such: see device_lock.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/protocol.h"
#include "store/device_lock.h"

#define UDEV_TRIES	100
#define UDEV_PAUSE_US	50000

int device_lock(dev_t dev, bool exclusive, const char *name, int *fd, struct err *err)
{
	struct flock lock = {
		.l_type = exclusive ? F_WRLCK : F_RDLCK,
		.l_whence = SEEK_SET,
	};
	char path[sizeof(ERAD_RUN_DIR) + 40];
	int r;

	if (mkdir(ERAD_RUN_DIR, 0755) && errno != EEXIST && exclusive)
		return err_set(err, -errno, "%s: cannot make %s for its lock: %s", name,
			       ERAD_RUN_DIR, strerror(errno));
	/* The file stays: who removed it could remove one that somebody has just locked. */
	snprintf(path, sizeof(path), ERAD_RUN_DIR "/device-%u:%u.lock", major(dev), minor(dev));
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0 && !exclusive)
		return 0;
	if (*fd < 0)
		return err_set(err, -errno, "%s: cannot open its lock %s: %s", name, path,
			       strerror(errno));
	if (!fcntl(*fd, F_OFD_SETLK, &lock))
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		r = err_set(err, -EBUSY, "%s: somebody else has it open%s", name,
			    exclusive ? "" : " for writing");
	else
		r = err_set(err, -errno, "%s: locking %s: %s", name, path, strerror(errno));
	close(*fd);
	*fd = -1;
	return r;
}

static int wait_flock(int fd, const char *name, struct err *err)
{
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB); i++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_set(err, -errno, "%s: locking it: %s", name, strerror(errno));
		if (i == UDEV_TRIES)
			return err_set(err, -EBUSY, "%s: somebody else has a lock on it, see flock(2)",
				       name);
		usleep(UDEV_PAUSE_US);
	}
	return 0;
}

/* The node of the disk that a partition is on; false: it is no partition. */
static bool disk_node(dev_t dev, char *node, size_t size)
{
	char dir[64], up[PATH_MAX], *disk;

	snprintf(dir, sizeof(dir), "/sys/dev/block/%u:%u/partition", major(dev), minor(dev));
	if (access(dir, F_OK))
		return false;
	*strrchr(dir, '/') = 0;
	if (!realpath(dir, up))
		return false;
	*strrchr(up, '/') = 0;
	disk = strrchr(up, '/') + 1;
	/* The kernel's way to have a slash in a name there. */
	for (char *c = disk; *c; c++)
		if (*c == '!')
			*c = '/';
	return snprintf(node, size, "/dev/%s", disk) < (int)size;
}

int device_lock_udev(int fd, dev_t dev, const char *name, int *disk_fd, struct err *err)
{
	char node[NAME_MAX];
	int r;

	*disk_fd = -1;
	r = wait_flock(fd, name, err);
	if (r || !disk_node(dev, node, sizeof(node)))
		return r;
	*disk_fd = open(node, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	/* Without the node there is no udev that looks at it. */
	if (*disk_fd < 0)
		return 0;
	r = wait_flock(*disk_fd, node, err);
	if (r) {
		close(*disk_fd);
		*disk_fd = -1;
	}
	return r;
}
