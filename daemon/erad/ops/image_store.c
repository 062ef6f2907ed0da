// SPDX-License-Identifier: GPL-2.0-or-later
/* Prepares the copy-on-write store of an image: see image_store.h. */
#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/eratab_use.h"
#include "common/image.h"
#include "common/size.h"
#include "common/sysfs.h"
#include "erad/base/log.h"
#include "erad/device/loopdev.h"
#include "erad/device/probe.h"
#include "erad/ops/image_store.h"
#include "erad/ops/table.h"
#include "erad/volume/peek.h"

#define SIZE_MIN	(8u << 20)	/* bytes */
#define DEFAULT_MIN	(64u << 20)	/* bytes */
#define DEFAULT_PART	10u		/* the default size is the volume's size divided by this */

/*
 * Returns EDEADLK if a write to the store might wait for a write to the volume, and EEXIST if a
 * line of eratab uses the path.
 */
static int check_apart(const char *path, const char *origin_path, dev_t origin, struct err *err)
{
	struct eratab tab;
	int r = probe_store_apart(path, origin_path, origin, err);

	if (!r)
		r = op_read_table(&tab, err);
	if (r)
		return r;
	for (size_t n = 0; n < tab.nr && !r; n++) {
		const char *use = tab.line[n].entry ? eratab_use(tab.line[n].entry, path) : NULL;

		if (use)
			r = eratab_refuse(&tab, n, "copy-on-write store", path, use, err);
	}
	eratab_free(&tab);
	return r;
}

static int set_size(struct image_store *s, const char *path, uint64_t bytes, struct err *err)
{
	char got[SIZE_EXACT], expected[SIZE_TEXT];

	if (bytes < SIZE_MIN)
		return err_set(err, -EINVAL, "the copy-on-write store at %s has %s, expected at least %s", path,
			       size_exact(got, bytes), size_format(expected, SIZE_MIN));
	s->nr_sectors = bytes / 512 - IMAGE_STORE_START;
	s->nr_sectors -= s->nr_sectors % IMAGE_CHUNK;
	return 0;
}

/* ---- a block device ---- */

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
		return err_set(err, r, "%s has a file system, partitions or other content, which the image would overwrite; if the content is not needed, run 'wipefs -a %s' to erase it",
			       path, path);
	return r ? err_set(err, r, "libblkid cannot find out whether %s has content; name another place with --cow", path) : 0;
}

static int open_device(const char *path, struct image_store *s, struct err *err)
{
	uint64_t nr_sectors;
	struct peek found;
	struct err who;
	int fd, r;

	r = probe_device(path, &s->dev, &nr_sectors, err);
	if (r)
		return r;
	if (probe_in_use(s->dev, path, &who))
		return err_set(err, -EBUSY, "%s is in use: %s", path, who.msg);
	r = loopdev_check_alone(s->dev, path, err);
	if (r)
		return r;
	peek_now(path, PEEK_SUPER, &found);
	if (found.is_erad)
		return err_set(err, -EEXIST, "%s has metadata of erad, which the image would overwrite; name another place with --cow", path);
	/*
	 * Close the device again, because device-mapper opens it exclusively.  s->fd stays -1: only
	 * a loop device that erad has made must be kept open.
	 */
	fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "cannot open %s: %m", path);
	r = check_blank(path, fd, err);
	close(fd);
	return r ? r : set_size(s, path, nr_sectors * 512, err);
}

/* ---- a file behind a loop device ---- */

static int attach(int file, const char *path, struct image_store *s, struct err *err)
{
	s->fd = loopdev_attach(file, path, &s->dev, err);
	return s->fd < 0 ? s->fd : 0;
}

/* Refuses a file that has data: only the user knows whether the data may be overwritten. */
static int check_file(int file, const char *path, uint64_t *bytes, struct err *err)
{
	struct stat st;

	if (fstat(file, &st))
		return err_set(err, -errno, "cannot look at %s: %m", path);
	*bytes = st.st_size;
	if (lseek(file, 0, SEEK_DATA) < 0 && errno == ENXIO)
		return 0;
	return err_set(err, -EEXIST, "%s has data, which the image would overwrite, expected a file without data; if the data are not needed, run 'truncate -s 0 %s && truncate -s SIZE %s' to remove them",
		       path, path, path);
}

static int open_file(const char *path, struct image_store *s, struct err *err)
{
	const int file = open(path, O_RDWR | O_CLOEXEC);
	uint64_t bytes = 0;
	int r;

	if (file < 0)
		return err_set(err, -errno, "cannot open %s: %m", path);
	/* The loop device keeps the lock, because it keeps this open file. */
	r = loopdev_claim(file, path, err);
	if (!r)
		r = check_file(file, path, &bytes, err);
	if (!r)
		r = set_size(s, path, bytes, err);
	if (!r)
		r = attach(file, path, s, err);
	close(file);
	return r;
}

/* Makes a file without a name in erad's directory.  Returns its descriptor, or a negative errno. */
static int make_unnamed(struct err *err)
{
	char path[] = ERAD_LIB_DIR "/.image-XXXXXX";
	int file;

	file = open(ERAD_LIB_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	/* If the file system has no files without a name, make a file and remove its name. */
	if (file < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
		file = mkostemp(path, O_CLOEXEC);
		if (file >= 0)
			unlink(path);
	}
	return file < 0 ? err_set(err, -errno, "cannot make a file in %s: %m", ERAD_LIB_DIR) : file;
}

/* Refuses a file that would fill the file system, because the metadata of volumes is there, too. */
static int check_room(uint64_t bytes, struct err *err)
{
	char text[SIZE_TEXT], has[SIZE_TEXT], leave[SIZE_TEXT];
	uint64_t free_bytes, fs_bytes;
	struct statvfs fs;

	if (statvfs(ERAD_LIB_DIR, &fs))
		return err_set(err, -errno, "cannot find out how much is free in %s: %m", ERAD_LIB_DIR);
	free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	fs_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
	/* Some file systems have no limit, and report the size 0. */
	if (!fs_bytes || image_store_fits(bytes, free_bytes, fs_bytes))
		return 0;
	return err_set(err, -ENOSPC, "cannot make a copy-on-write store of %s in %s: %s of its file system are free, and %s must stay free; name another size or place with --cow",
		       size_format(text, bytes), ERAD_LIB_DIR, size_format(has, free_bytes), size_format(leave, image_store_leave(fs_bytes)));
}

static int make_file(uint64_t bytes, struct image_store *s, struct err *err)
{
	char text[SIZE_TEXT];
	int file, r;

	r = set_size(s, ERAD_LIB_DIR, bytes, err);
	if (!r)
		r = check_room(bytes, err);
	if (r)
		return r;
	file = make_unnamed(err);
	if (file < 0)
		return file;
	/* Reserve the space: if another program used it up, the image would become invalid. */
	if (fallocate(file, 0, 0, bytes) && (errno != EOPNOTSUPP || ftruncate(file, bytes)))
		r = err_set(err, -errno, "cannot make a copy-on-write store of %s in %s: %m; name another size or place with --cow",
			    size_format(text, bytes), ERAD_LIB_DIR);
	if (!r)
		r = attach(file, ERAD_LIB_DIR, s, err);
	close(file);
	return r;
}

/* ---- all stores ---- */

static uint64_t default_size(uint64_t volume_bytes)
{
	const uint64_t all = volume_bytes + IMAGE_STORE_START * 512 + IMAGE_CHUNK * 512;
	uint64_t bytes = volume_bytes / DEFAULT_PART;

	if (bytes < DEFAULT_MIN)
		bytes = DEFAULT_MIN;
	if (bytes > all)
		bytes = all < SIZE_MIN ? SIZE_MIN : all;
	return bytes - bytes % 4096;
}

int image_store_open(const struct image_store_choice *choice, const char *name, const char *origin_path, dev_t origin,
		     uint64_t volume_bytes, struct image_store *out, struct err *err)
{
	const char *path = choice->path;
	struct stat st = { 0 };
	int r;

	*out = (struct image_store){ .fd = -1 };
	if (path && stat(path, &st))
		return err_set(err, -errno, "cannot look at %s: %m", path);
	if (path && !S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
		return err_set(err, -ENOTBLK, "%s is neither a block device nor a regular file", path);
	if (!path && mkdir(ERAD_LIB_DIR, 0700) && errno != EEXIST)
		return err_set(err, -errno, "cannot make %s: %m", ERAD_LIB_DIR);
	r = check_apart(path ? path : ERAD_LIB_DIR, origin_path, origin, err);
	if (r)
		return r;
	if (!path)
		r = make_file(choice->size ? choice->size : default_size(volume_bytes), out, err);
	else
		r = S_ISBLK(st.st_mode) ? open_device(path, out, err) : open_file(path, out, err);
	if (r)
		image_store_close(out);
	else
		log_debug("volume %s: the copy-on-write store is on device %u:%u", name, major(out->dev), minor(out->dev));
	return r;
}

void image_store_close(struct image_store *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

int image_store_keep(dev_t dev)
{
	char node[NODE_PATH_SIZE], line[8];

	/*
	 * Only a loop device has this attribute.  The loop devices of loopdev_attach() have the
	 * value 1.
	 */
	if (!dev || blockdev_attribute(dev, "loop/autoclear", line, sizeof(line)) || strcmp(line, "1") || dm_node(dev, node))
		return -1;
	return open(node, O_RDWR | O_CLOEXEC);
}

void image_store_return(int fd)
{
	uint64_t bytes;

	if (fd < 0)
		return;
	/*
	 * The loop device makes a hole in the file.  If the file system cannot do this, the data
	 * stay.
	 */
	if (!ioctl(fd, BLKGETSIZE64, &bytes) && ioctl(fd, BLKDISCARD, (uint64_t[]){ 0, bytes }))
		log_debug("the space of the copy-on-write store is not returned: %m");
	close(fd);
}
