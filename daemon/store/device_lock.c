// SPDX-License-Identifier: GPL-2.0-or-later
/* Locks a block device, even if it is opened through different nodes: see device_lock.h. */
#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/file_lock.h"
#include "common/protocol.h"
#include "store/device_lock.h"

#define UDEV_S	5

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
	/*
	 * Never remove the file.  A process that removed it could remove a file that another
	 * process has just locked.
	 */
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
		r = err_set(err, -EBUSY, "%s: another process has it open%s", name,
			    exclusive ? "" : " for writing");
	else
		r = err_set(err, -errno, "%s: cannot lock %s: %s", name, path, strerror(errno));
	close(*fd);
	*fd = -1;
	return r;
}

int device_flock(int fd, const char *name, struct err *err)
{
	return file_lock_fd(fd, name, UDEV_S, err);
}

int device_lock_udev(int fd, dev_t dev, const char *name, int *disk_fd, struct err *err)
{
	char node[NAME_MAX + 1] = "/dev/";
	char partition[16];
	dev_t disk;
	int r;

	*disk_fd = -1;
	r = device_flock(fd, name, err);
	/*
	 * For udev, a partition made by device-mapper counts as a disk, so its own lock is enough.
	 */
	if (r || blockdev_attribute(dev, "partition", partition, sizeof(partition)) ||
	    blkid_devno_to_wholedisk(dev, node + 5, sizeof(node) - 5, &disk))
		return r;
	*disk_fd = open(node, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	/*
	 * Without a node of the disk, udev cannot examine the disk.  After another error, the disk
	 * is not locked, and udev may examine it.
	 */
	if (*disk_fd < 0)
		return 0;
	r = device_flock(*disk_fd, node, err);
	if (r) {
		close(*disk_fd);
		*disk_fd = -1;
	}
	return r;
}
