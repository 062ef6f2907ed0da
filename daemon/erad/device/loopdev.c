// SPDX-License-Identifier: GPL-2.0-or-later
/* Attaches files to loop devices: see loopdev.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/loop.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/dev_links.h"
#include "common/sysfs.h"
#include "erad/device/loopdev.h"

#define ATTACH_TRIES	20
#define CLAIM_TRIES	20
#define CLAIM_PAUSE_MS	100

/* The identity of the file of a loop device. */
struct backing {
	uint64_t dev, ino;
};

/*
 * Returns whether the loop device at node has a file.  If so, *out receives the identity of the
 * file.
 */
static bool read_backing(const char *node, struct backing *out)
{
	struct loop_info64 info;
	bool found;
	int fd;

	/* Read-only: udev examines a device again when it has been open for writing. */
	fd = open(node, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	found = !ioctl(fd, LOOP_GET_STATUS64, &info);
	close(fd);
	*out = (struct backing){ .dev = info.lo_device, .ino = info.lo_inode };
	return found;
}

/*
 * Returns whether a device-mapper device lies on the loop device with the kernel's name `loop`.  If
 * so, name receives the name of the device-mapper device.
 */
static bool find_user(const char *loop, char name[DM_NAME_SIZE])
{
	char path[sizeof("/sys/block/") + NAME_MAX];
	struct dev_links holder;
	bool found = false;

	snprintf(path, sizeof(path), "/sys/block/%s", loop);
	dev_links_open(&holder, sysfs_read_dev(path), DEV_HOLDERS);
	while (!found && dev_links_next(&holder) > 0)
		found = !dm_name(holder.dev, name);
	dev_links_close(&holder);
	return found;
}

/* Returns EBUSY if a loop device other than `except` uses the file.  path: for the message. */
static int refuse_attached(const struct backing *file, dev_t except, const char *path, struct err *err)
{
	char sysfs[sizeof("/sys/block//loop/backing_file") + NAME_MAX], node[sizeof("/dev/") + NAME_MAX], user[DM_NAME_SIZE];
	struct backing other;
	struct dirent *de;
	int r = 0;
	DIR *d;

	d = opendir("/sys/block");
	while (d && !r && (de = readdir(d))) {
		if (strncmp(de->d_name, "loop", 4))
			continue;
		/* Only a loop device that has a file has this attribute. */
		snprintf(sysfs, sizeof(sysfs), "/sys/block/%s/loop/backing_file", de->d_name);
		snprintf(node, sizeof(node), "/dev/%s", de->d_name);
		if (access(sysfs, F_OK) || (except && blockdev_at(node) == except) || !read_backing(node, &other) ||
		    other.dev != file->dev || other.ino != file->ino)
			continue;
		r = find_user(de->d_name, user) ?
			err_set(err, -EBUSY, "%s is in use: it is the file of %s, which /dev/mapper/%s uses; name another place", path, node, user) :
			err_set(err, -EBUSY, "%s is in use: it is the file of %s; name another place", path, node);
	}
	if (d)
		closedir(d);
	return r;
}

/* Takes the two locks of loopdev_claim().  EAGAIN: another open file holds one of the locks. */
static int lock(int file)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (flock(file, LOCK_EX | LOCK_NB))
		return -errno;
	/* QEMU, for example, uses locks of open file descriptions. */
	if (fcntl(file, F_OFD_SETLK, &all))
		return errno == EACCES ? -EAGAIN : -errno;
	return 0;
}

static int claim_now(int file, const char *path, struct err *err)
{
	struct backing backing;
	struct stat st;
	int locked, r;

	if (fstat(file, &st))
		return err_set(err, -errno, "cannot look at %s: %m", path);
	locked = lock(file);
	if (locked && locked != -EAGAIN)
		return err_set(err, locked, "cannot lock %s: %s; name a file on another file system", path, strerror(-locked));
	backing = (struct backing){ .dev = st.st_dev, .ino = st.st_ino };
	r = refuse_attached(&backing, 0, path, err);
	if (!r && locked)
		r = err_set(err, -EBUSY, "%s is in use: another program has locked it; name another place", path);
	return r;
}

int loopdev_claim(int file, const char *path, struct err *err)
{
	int r = claim_now(file, path, err);

	for (unsigned int i = 1; i < CLAIM_TRIES && r == -EBUSY; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = CLAIM_PAUSE_MS * 1000000L }, NULL);
		r = claim_now(file, path, err);
	}
	return r;
}

int loopdev_attach(int file, const char *path, dev_t *dev, struct err *err)
{
	struct loop_config c = { .fd = file, .info.lo_flags = LO_FLAGS_AUTOCLEAR };
	const int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int nr, fd = -1, r = -EBUSY;
	char node[32];
	struct stat st;

	if (control < 0)
		return err_set(err, -errno, "cannot open /dev/loop-control: %m");
	snprintf((char *)c.info.lo_file_name, sizeof(c.info.lo_file_name), "%.60s", path);
	/* Another program may take the free device between the two calls, so try several times. */
	for (unsigned int i = 0; i < ATTACH_TRIES && r == -EBUSY; i++) {
		nr = ioctl(control, LOOP_CTL_GET_FREE);
		if (nr < 0) {
			r = -errno;
			break;
		}
		snprintf(node, sizeof(node), "/dev/loop%d", nr);
		fd = open(node, O_RDWR | O_CLOEXEC);
		r = fd < 0 || ioctl(fd, LOOP_CONFIGURE, &c) ? -errno : 0;
		if (!r && fstat(fd, &st))
			r = -errno;
		if (r && fd >= 0)
			close(fd);
	}
	close(control);
	if (r)
		return err_set(err, r, "cannot make a loop device for %s: %s", path, strerror(-r));
	*dev = st.st_rdev;
	return fd;
}

int loopdev_check_alone(dev_t dev, const char *path, struct err *err)
{
	struct backing backing;
	char line[8];

	if (blockdev_attribute(dev, "loop/backing_file", line, sizeof(line)) || !read_backing(path, &backing))
		return 0;
	return refuse_attached(&backing, dev, path, err);
}
