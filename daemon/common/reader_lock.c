// SPDX-License-Identifier: GPL-2.0-or-later
/* The lock of a program that has opened a device with O_EXCL to read it: see reader_lock.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/protocol.h"
#include "common/reader_lock.h"

static int open_lock(dev_t dev, int flags)
{
	char path[sizeof(ERAD_RUN_DIR) + 40];

	/*
	 * Never remove the file.  A process that removed it could remove a file that another
	 * process has just locked.
	 */
	snprintf(path, sizeof(path), ERAD_RUN_DIR "/reader-%u:%u.lock", major(dev), minor(dev));
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int reader_lock_take(dev_t dev)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd;

	if (mkdir(ERAD_RUN_DIR, 0755) && errno != EEXIST)
		return -1;
	fd = open_lock(dev, O_RDWR | O_CREAT);
	if (fd >= 0 && fcntl(fd, F_SETLK, &lock)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

pid_t reader_lock_owner(dev_t dev)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	const int fd = open_lock(dev, O_RDONLY);

	if (fd < 0)
		return 0;
	if (fcntl(fd, F_GETLK, &lock) || lock.l_type == F_UNLCK || lock.l_pid < 0)
		lock.l_pid = 0;
	close(fd);
	return lock.l_pid;
}
