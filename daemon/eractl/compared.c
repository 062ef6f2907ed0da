// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads a file or block device to compare it: see compared.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "eractl/compared.h"

#define ALIGN	4096u

/*
 * Reads what changes with each write.  For a device, the sectors written and discarded: a suspend
 * or a new table does not reset these counters.  For a file, its size and times.
 */
static int read_counters(const struct compared *c, char text[sizeof(c->written)], struct err *err)
{
	unsigned long long n[15] = { 0 };
	char line[512];
	struct stat st;
	int r;

	if (!c->dev) {
		if (fstat(c->fd, &st))
			return err_set(err, -errno, "%s: %s", c->path, strerror(errno));
		snprintf(text, sizeof(c->written), "%lld %lld.%09ld", (long long)st.st_size,
			 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
		return 0;
	}
	r = blockdev_attribute(c->dev, "stat", line, sizeof(line));
	if (r)
		return err_set(err, r, "%s: cannot read how much was written to it: %s", c->path, strerror(-r));
	if (sscanf(line, "%llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu",
		   &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7], &n[8], &n[9], &n[10], &n[11],
		   &n[12], &n[13], &n[14]) < 11)
		return err_set(err, -EIO, "%s: its counters are not understood: %s", c->path, line);
	snprintf(text, sizeof(c->written), "%llu %llu", n[6], n[13]);
	return 0;
}

int compared_open(struct compared *c, const char *path, struct err *err)
{
	struct stat st;
	uint64_t size;

	c->path = path;
	/* O_NONBLOCK: a fifo must be refused, and not waited for. */
	c->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (c->fd < 0 || fstat(c->fd, &st))
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	c->size = st.st_size;
	if (S_ISREG(st.st_mode))
		return read_counters(c, c->written, err);
	if (!S_ISBLK(st.st_mode))
		return err_set(err, -ENOTBLK, "%s: expected a regular file or a block device", path);
	close(c->fd);
	c->dev = st.st_rdev;
	/* O_DIRECT, because the page cache of a device may be older than what its file system has written. */
	c->fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT | O_EXCL);
	/*
	 * EBUSY: somebody uses the device.  Then compared_check_still() finds out whether the
	 * device was written.
	 */
	if (c->fd < 0 && errno == EBUSY)
		c->fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT);
	if (c->fd < 0 || ioctl(c->fd, BLKGETSIZE64, &size))
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	c->size = size;
	/*
	 * Write dirty pages of the device's cache now: the reads would cause the same writes later,
	 * and these would count.
	 */
	if (fsync(c->fd))
		return err_set(err, -errno, "%s: writing the dirty pages of its cache: %s", path, strerror(errno));
	return read_counters(c, c->written, err);
}

void compared_close(struct compared *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	free(c->buf);
	c->buf = NULL;
}

bool compared_same(const char *a, const char *b)
{
	struct stat sa, sb;

	if (stat(a, &sa) || stat(b, &sb))
		return false;
	if (S_ISBLK(sa.st_mode) && S_ISBLK(sb.st_mode))
		return sa.st_rdev == sb.st_rdev;
	return sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

int compared_buffer(struct compared *c, uint64_t len, struct err *err)
{
	c->buf = aligned_alloc(ALIGN, (len + ALIGN - 1) / ALIGN * ALIGN);
	return c->buf ? 0 : err_set(err, -ENOMEM, "out of memory");
}

int compared_read(struct compared *c, uint64_t offset, uint64_t len, struct err *err)
{
	uint64_t done = 0;

	while (done < len) {
		const ssize_t n = pread(c->fd, c->buf + done, len - done, offset + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, -errno, "%s: reading it at byte %" PRIu64 ": %s", c->path,
				       offset + done, strerror(errno));
		if (n == 0)
			return err_set(err, -EIO, "%s: it ends at byte %" PRIu64 ", expected %" PRIu64 " bytes",
				       c->path, offset + done, c->size);
		done += n;
	}
	return 0;
}

int compared_check_still(const struct compared *c, struct err *err)
{
	char now[sizeof(c->written)];
	int r;

	r = read_counters(c, now, err);
	if (r || !strcmp(now, c->written))
		return r;
	return err_set(err, -EBUSY, "%s was written to while it was compared, so nothing can be said of it; %s",
		       c->path, c->dev ? "unmount or freeze what is on it, or name a snapshot with --device" :
		       "name a copy that is complete");
}
