// SPDX-License-Identifier: GPL-2.0-or-later
/* Prepares the copy-on-write store of an image: see image_store.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/image.h"
#include "common/size.h"
#include "common/sysfs.h"
#include "erad/base/log.h"
#include "erad/device/loopdev.h"
#include "erad/device/origin_reader.h"
#include "erad/device/probe.h"
#include "erad/ops/conflict.h"
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
	r = conflict_store(&tab, path, err);
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

/* dev: the device to which path leads now. */
static int open_device(const char *path, dev_t dev, const struct image_store_look *look, struct image_store *s, struct err *err)
{
	struct err who;

	if (look->code) {
		*err = look->err;
		return look->code;
	}
	if (dev != look->found.dev)
		return err_set(err, -EAGAIN, "%s has become another device meanwhile; try again", path);
	/*
	 * Another thread of erad may have used the device since the process has examined it.  The
	 * device is not opened here: device-mapper opens it exclusively.  s->fd stays -1: only a loop
	 * device that erad has made must be kept open.
	 */
	s->dev = look->found.dev;
	if (probe_in_use(s->dev, NULL, &who))
		return err_set(err, -EBUSY, "%s is in use: %s", path, who.msg);
	return set_size(s, path, look->found.nr_sectors * 512, err);
}

/* ---- a file behind a loop device ---- */

static int attach(int file, const char *path, struct image_store *s, struct err *err)
{
	s->fd = loopdev_attach(file, path, &s->dev, err);
	return s->fd < 0 ? s->fd : 0;
}

/* Refuses a file that contains data: only the user knows whether the data may be overwritten. */
static int check_file(int file, const char *path, uint64_t *bytes, struct err *err)
{
	struct stat st;

	if (fstat(file, &st))
		return err_set(err, -errno, "cannot look at %s: %m", path);
	*bytes = st.st_size;
	if (lseek(file, 0, SEEK_DATA) < 0 && errno == ENXIO)
		return 0;
	return err_set(err, -EEXIST, "%s contains data, which the image would overwrite, expected a file without data; if the data are not needed, run 'truncate -s 0 %s && truncate -s SIZE %s' to remove them",
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

/* Adds to the error of a place that does not answer what the user can do.  Returns r. */
static int other_place(int r, struct err *err)
{
	if (r == -ETIMEDOUT)
		err_suffix(err, "if it does, name another place with --cow");
	return r;
}

/*
 * Asks a process to examine the place of the store.  what: ORIGIN_EXAMINE_STORE or
 * ORIGIN_EXAMINE_HELD_STORE.  path: shorter than ORIGIN_PATH_SIZE.
 */
static int ask(enum origin_read what, uint64_t dev, const char *path, struct origin_answer *a, struct err *err)
{
	struct origin_asked asked = { .fd = -1 };
	struct origin_question q;
	int r;

	memset(&q, 0, sizeof(q));
	q.what = what;
	q.dev = dev;
	strcpy(q.path, path);
	r = origin_ask(&asked, &q, IMAGE_STORE_MS, NULL, NULL, a, err);
	origin_drop(&asked);
	return other_place(r, err);
}

int image_store_examine(const char *path, struct image_store_look *out, struct err *err)
{
	struct origin_answer a;
	int r;

	*out = (struct image_store_look){ 0 };
	if (!path)
		return other_place(lib_dir_make(PEEK_OPEN_MS, err), err);
	if (strlen(path) >= ORIGIN_PATH_SIZE)
		return err_set(err, -ENAMETOOLONG, "the path of the copy-on-write store has %zu bytes, expected at most %u",
			       strlen(path), ORIGIN_PATH_SIZE - 1);
	r = ask(ORIGIN_EXAMINE_STORE, origin_store_key(path), path, &a, err);
	if (r)
		return r;
	out->code = a.code;
	out->err = a.err;
	out->found = a.store;
	if (!a.code && !a.store.dev)
		r = other_place(peek_ask(path, PEEK_WRITE, PEEK_OPEN_MS, NULL, err), err);
	return r;
}

int image_store_examine_held(const char *path, dev_t dev, struct err *err)
{
	struct origin_answer a;
	int r = ask(ORIGIN_EXAMINE_HELD_STORE, dev, path, &a, err);

	if (r || !a.code)
		return r;
	*err = a.err;
	return a.code;
}

int image_store_open(const struct image_store_choice *choice, const struct image_store_look *look, const char *name,
		     const char *origin_path, dev_t origin, uint64_t volume_bytes, struct image_store *out, struct err *err)
{
	const char *path = choice->path;
	struct stat st = { 0 };
	int r;

	*out = (struct image_store){ .fd = -1 };
	if (path && stat(path, &st))
		return err_set(err, -errno, "cannot look at %s: %m", path);
	if (path && !S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
		return err_set(err, -ENOTBLK, "%s is neither a block device nor a regular file", path);
	r = check_apart(path ? path : ERAD_LIB_DIR, origin_path, origin, err);
	if (r)
		return r;
	if (!path)
		r = make_file(choice->size ? choice->size : default_size(volume_bytes), out, err);
	else
		r = S_ISBLK(st.st_mode) ? open_device(path, st.st_rdev, look, out, err) : open_file(path, out, err);
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

void image_store_return(const char *volume, int fd)
{
	char node[NODE_PATH_SIZE];
	struct origin_asked asked = { .fd = -1 };
	struct origin_question q;
	struct origin_answer a;
	struct stat st;
	struct err err;
	int r;

	if (fd < 0)
		return;
	if (!fstat(fd, &st)) {
		/*
		 * The loop device makes a hole in the file.  If the file system cannot do this, the
		 * data stay.
		 */
		memset(&q, 0, sizeof(q));
		q.what = ORIGIN_DISCARD_STORE;
		q.dev = st.st_rdev;
		r = origin_ask(&asked, &q, IMAGE_STORE_MS, NULL, NULL, &a, &err);
		origin_drop(&asked);
		/*
		 * A process that has opened the device still has it open, and may still discard
		 * blocks.
		 */
		if (r == -ETIMEDOUT && !dm_node(st.st_rdev, node))
			log_warn("volume %s: the discard of the copy-on-write store of its image has not ended; write nothing to the file of %s until %s is gone",
				 volume, node, node);
		else if (r || a.code)
			log_debug("the space of the copy-on-write store is not returned: %s", r ? err.msg : a.err.msg);
	}
	close(fd);
}
