// SPDX-License-Identifier: GPL-2.0-or-later
/* Examines the place of an image's copy-on-write store: see store_examine.h. */
#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/sysfs.h"
#include "erad/device/loopdev.h"
#include "erad/device/probe.h"
#include "erad/device/store_examine.h"
#include "store/super.h"

/* Refuses a device on which libblkid finds a file system, partitions or the like. */
static int check_blank(const char *path, int fd, struct err *err)
{
	blkid_probe pr = blkid_new_probe();
	int r = -EIO, found;

	if (pr && !blkid_probe_set_device(pr, fd, 0, 0)) {
		blkid_probe_enable_superblocks(pr, 1);
		blkid_probe_enable_partitions(pr, 1);
		found = blkid_do_safeprobe(pr);
		r = found == 1 ? 0 : found == 0 || found == -2 ? -EEXIST : -EIO;
	}
	blkid_free_probe(pr);
	if (r == -EEXIST)
		return err_set(err, r, "%s contains a file system, partitions or other content, which the image would overwrite; if the content is not needed, run 'wipefs -a %s' to erase it",
			       path, path);
	return r ? err_set(err, r, "libblkid cannot find out whether %s has content; name another place with --cow", path) : 0;
}

/* Refuses a device that has content.  path: the name of the device, for the message.  node: its node. */
static int check_content(const char *path, const char *node, int fd, struct err *err)
{
	uint8_t uuid[16];

	if (super_peek_uuid(node, uuid))
		return err_set(err, -EEXIST, "%s contains metadata of erad, which the image would overwrite; name another place with --cow", path);
	return check_blank(path, fd, err);
}

static int examine_device(const char *path, struct store_found *out, struct err *err)
{
	struct err who;
	int fd, r;

	r = probe_device(path, &out->dev, &out->nr_sectors, err);
	if (r)
		return r;
	if (probe_in_use(out->dev, path, &who))
		return err_set(err, -EBUSY, "%s is in use: %s", path, who.msg);
	r = loopdev_check_alone(out->dev, path, err);
	if (r)
		return r;
	fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "cannot open %s: %m", path);
	r = check_content(path, path, fd, err);
	close(fd);
	return r;
}

int store_examine(const char *path, struct store_found *out, struct err *err)
{
	struct stat st;
	int fd;

	*out = (struct store_found){ 0 };
	if (stat(path, &st))
		return err_set(err, -errno, "cannot look at %s: %m", path);
	if (S_ISBLK(st.st_mode))
		return examine_device(path, out, err);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -ENOTBLK, "%s is neither a block device nor a regular file", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "cannot open %s: %m", path);
	lseek(fd, 0, SEEK_DATA);
	close(fd);
	return 0;
}

/*
 * Opens the node of a block device, which may hang.  node receives the path of the node.  Returns the
 * descriptor, or a negative errno.  ENODEV: the node leads to another device.
 */
static int open_number(dev_t dev, int flags, char node[NODE_PATH_SIZE], struct err *err)
{
	struct stat st;
	int fd, r;

	r = dm_node(dev, node);
	if (r)
		return err_set(err, r, "cannot find the node of device %u:%u: %s", major(dev), minor(dev), strerror(-r));
	fd = open(node, flags | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "cannot open %s: %m", node);
	if (!fstat(fd, &st) && st.st_rdev == dev)
		return fd;
	close(fd);
	return err_set(err, -ENODEV, "%s is not the node of device %u:%u any more; try again", node, major(dev), minor(dev));
}

int store_examine_held(const char *path, dev_t dev, struct err *err)
{
	char node[NODE_PATH_SIZE];
	const int fd = open_number(dev, O_RDONLY, node, err);
	int r;

	if (fd < 0)
		return fd;
	r = check_content(path, node, fd, err);
	close(fd);
	return r;
}

/* Returns whether nobody reads the pipe any more.  pipe_fd: the end for writing. */
static bool nobody_reads(int pipe_fd)
{
	struct pollfd p = { .fd = pipe_fd };

	return poll(&p, 1, 0) > 0 && p.revents & POLLERR;
}

int store_discard(dev_t dev, int pipe_fd, struct err *err)
{
	char node[NODE_PATH_SIZE];
	const int fd = open_number(dev, O_RDWR, node, err);
	uint64_t bytes;
	int r = 0;

	if (fd < 0)
		return fd;
	/*
	 * As long as the asker waits, it keeps the device open, so the device still uses the file
	 * of the store.  When the asker no longer waits, the number may belong to the device of
	 * another program, or another program may use the file.  Check this after the open, because
	 * the open may have taken long; from now on, fd keeps the device.
	 */
	if (pipe_fd >= 0 && nobody_reads(pipe_fd))
		r = err_set(err, -ECANCELED, "device %u:%u is not discarded, because nobody waits for it any more", major(dev), minor(dev));
	else if (ioctl(fd, BLKGETSIZE64, &bytes) || ioctl(fd, BLKDISCARD, (uint64_t[]){ 0, bytes }))
		r = err_set(err, -errno, "cannot discard device %u:%u: %m", major(dev), minor(dev));
	close(fd);
	return r;
}
