// SPDX-License-Identifier: GPL-2.0-or-later
/* A file or block device that is read to be compared, and that must not change meanwhile: see compared.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/octal.h"
#include "eractl/compared.h"

#define ALIGN	4096u

/* Sectors written and discarded, which a suspend or a new table does not reset; or size and times. */
static int look(const struct compared *c, char text[sizeof(c->written)], struct err *err)
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

/* A file system that is frozen says EBUSY.  If it was not, this has frozen it: thaw it, whatever signal comes. */
static int check_frozen(const char *mount, const char *path, struct err *err)
{
	sigset_t all, before;
	int fd, r = 0;

	fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "%s is mounted on %s, which cannot be opened: %s", path, mount,
			       strerror(errno));
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	if (!ioctl(fd, FIFREEZE, 0)) {
		ioctl(fd, FITHAW, 0);
		r = err_set(err, -EBUSY,
			    "%s is mounted for writing on %s; unmount it, or freeze it with 'fsfreeze -f %s', or name a snapshot with --device",
			    path, mount, mount);
	} else if (errno != EBUSY) {
		r = err_set(err, -errno, "%s is mounted for writing on %s, and whether it is frozen cannot be found out: %s",
			    path, mount, strerror(errno));
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(fd);
	return r;
}

/* One line of mountinfo, if it is of the device: *seen, and whether the file system may be written to. */
static int check_mount(const struct compared *c, char *line, bool *seen, struct err *err)
{
	char mount[512], options[256], type[64], source[256];
	unsigned int ma, mi;
	const char *rest;

	if (sscanf(line, "%*d %*d %u:%u %*s %511s", &ma, &mi, mount) != 3)
		return 0;
	rest = strstr(line, " - ");
	if (!rest || sscanf(rest, " - %63s %255s %255s", type, source, options) != 3)
		return 0;
	octal_unescape(source);
	/* btrfs has a number of its own for each mount. */
	if (makedev(ma, mi) != c->dev && blockdev_at(source) != c->dev)
		return 0;
	*seen = true;
	if (!strncmp(options, "ro", 2) && (!options[2] || options[2] == ','))
		return 0;
	octal_unescape(mount);
	return check_frozen(mount, c->path, err);
}

static int check_mounts(const struct compared *c, struct err *err)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	bool seen = false;
	char *line = NULL;
	size_t room = 0;
	int r = 0;

	if (!f)
		return err_set(err, -errno, "/proc/self/mountinfo: %s", strerror(errno));
	while (!r && getline(&line, &room, f) > 0)
		r = check_mount(c, line, &seen, err);
	free(line);
	fclose(f);
	if (!r && !seen)
		r = err_set(err, -EBUSY,
			    "%s is in use, but not mounted here: by swap, LVM, RAID or another device; stop that, or name a snapshot with --device",
			    c->path);
	return r;
}

int compared_open(struct compared *c, const char *path, struct err *err)
{
	struct stat st;
	uint64_t size;
	int r;

	c->path = path;
	/* A fifo is to be refused, not waited for. */
	c->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (c->fd < 0 || fstat(c->fd, &st))
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	c->size = st.st_size;
	if (S_ISREG(st.st_mode))
		return look(c, c->written, err);
	if (!S_ISBLK(st.st_mode))
		return err_set(err, -ENOTBLK, "%s: expected a regular file or a block device", path);
	close(c->fd);
	c->dev = st.st_rdev;
	/* O_DIRECT, because the page cache of a device does not know what its file system has written. */
	c->fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT | O_EXCL);
	if (c->fd < 0 && errno == EBUSY) {
		r = check_mounts(c, err);
		if (r)
			return r;
		c->fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT);
	}
	if (c->fd < 0 || ioctl(c->fd, BLKGETSIZE64, &size))
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	c->size = size;
	/* What is dirty in the cache of the device would be written by the reads, and count as a write. */
	if (fsync(c->fd))
		return err_set(err, -errno, "%s: writing what is cached: %s", path, strerror(errno));
	return look(c, c->written, err);
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

	r = look(c, now, err);
	if (r || !strcmp(now, c->written))
		return r;
	return err_set(err, -EBUSY, "%s was written to while it was compared, so nothing can be said of it; %s",
		       c->path, c->dev ? "unmount or freeze what is on it, or name a snapshot with --device" :
		       "name a copy that is complete");
}
