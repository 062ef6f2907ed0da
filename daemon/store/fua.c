// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes data durably with one command to the device: see fua.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#include "common/blockdev.h"
#include "common/dev_links.h"
#include "store/fua.h"

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC	0x58465342
#endif

/* Returns true if this device lies on another device, or if this is not known. */
static bool is_stacked(dev_t dev)
{
	struct dev_links slave;
	int r;

	dev_links_open(&slave, dev, DEV_SLAVES);
	r = dev_links_next(&slave);
	dev_links_close(&slave);
	return r;
}

static bool disk_has_fua(dev_t dev)
{
	char line[8];

	/* A partition uses the queue of its disk, one directory above. */
	return !is_stacked(dev) && (!blockdev_attribute(dev, "queue/fua", line, sizeof(line)) ||
				    !blockdev_attribute(dev, "../queue/fua", line, sizeof(line))) &&
	       !strcmp(line, "1");
}

static bool writes_durably(int fd)
{
	const int flags = fcntl(fd, F_GETFL);
	struct statfs fs;
	struct stat st;

	if (flags < 0 || !(flags & O_DIRECT) || fstat(fd, &st))
		return false;
	if (S_ISBLK(st.st_mode))
		return disk_has_fua(st.st_rdev);
	return !fstatfs(fd, &fs) && (fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == XFS_SUPER_MAGIC) &&
	       disk_has_fua(st.st_dev);
}

void fua_init(struct fua *f, int fd)
{
	memset(f, 0, sizeof(*f));
	pthread_mutex_init(&f->lock, NULL);
	f->ready = writes_durably(fd) && !io_setup(1, &f->context);
}

void fua_destroy(struct fua *f)
{
	if (f->context)
		io_destroy(f->context);
	pthread_mutex_destroy(&f->lock);
}

int fua_write(struct fua *f, int fd, const void *buf, size_t len, uint64_t offset)
{
	struct iocb cb, *list = &cb;
	struct io_event event;
	int n, ret = 0;

	io_prep_pwrite(&cb, fd, (void *)buf, len, offset);
	cb.aio_rw_flags = RWF_DSYNC;
	pthread_mutex_lock(&f->lock);
	if (!f->ready || io_submit(f->context, 1, &list) != 1) {
		pthread_mutex_unlock(&f->lock);
		return -EOPNOTSUPP;
	}
	/*
	 * Wait for the write in any case, because the kernel uses the caller's buffer until the
	 * write has completed.
	 */
	do
		n = io_getevents(f->context, 1, 1, &event, NULL);
	while (n == -EINTR || n == 0);
	if (n != 1)
		abort();	/* the context is not valid, so nothing can wait for the write */
	if (event.res != len) {
		ret = (long)event.res < 0 ? (long)event.res : -EIO;
		f->ready = false;
	}
	pthread_mutex_unlock(&f->lock);
	return ret == -EOPNOTSUPP ? -EIO : ret;
}
