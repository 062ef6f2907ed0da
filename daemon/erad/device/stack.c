// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finds the devices and files on which a block device or a file lies, from sysfs and the mount
 * table: see stack.h.
 */
#include <blkid/blkid.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/dev_links.h"
#include "erad/device/mounts.h"
#include "erad/device/stack.h"
#include "common/sysfs.h"

bool stack_has_device(const struct stack *s, dev_t dev)
{
	for (size_t i = 0; i < s->nr; i++)
		if (s->dev[i] == dev)
			return true;
	return false;
}

bool stack_has_file(const struct stack *s, dev_t dev, ino_t ino)
{
	for (size_t i = 0; i < s->nr_files; i++)
		if (s->file[i].dev == dev && s->file[i].ino == ino)
			return true;
	return false;
}

/* Returns whether the device is a disk in memory: a RAM disk or zram. */
static bool is_ram_disk(dev_t dev)
{
	char name[NAME_MAX + 1];

	return !blockdev_kernel_name(dev, name, sizeof(name)) &&
	       !strncmp(name + strspn(name, "z"), "ram", 3);
}

/* Returns why a reboot destroys a file, or NULL if the file survives a reboot. */
static const char *volatile_file(const char *path)
{
	static const char *const emptied[] = { "/tmp/", "/run/", "/dev/" };
	char real[PATH_MAX + 1];
	struct statfs fs;

	if (!statfs(path, &fs) && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC))
		return "in memory and not on a disk";
	if (!realpath(path, real))
		return NULL;
	strcat(real, "/");
	for (size_t i = 0; i < sizeof(emptied) / sizeof(*emptied); i++)
		if (!strncmp(real, emptied[i], strlen(emptied[i])))
			return "in a directory that is emptied when the machine boots";
	return NULL;
}

/* Adds a device to the stack, unless it is there already. */
static int push(struct stack *s, dev_t dev, struct err *err)
{
	if (!dev || stack_has_device(s, dev))
		return 0;
	if (s->nr == STACK_MAX)
		return err_set(err, -E2BIG, "block device %u:%u lies on more than %u other devices, more than erad can examine",
			       major(s->dev[0]), minor(s->dev[0]), STACK_MAX);
	s->dev[s->nr++] = dev;
	if (!s->volatile_why && is_ram_disk(dev))
		s->volatile_why = "in memory and not on a disk";
	return 0;
}

static int push_slaves(struct stack *s, dev_t dev, struct err *err)
{
	struct dev_links slave;
	int next, r = 0;

	dev_links_open(&slave, dev, DEV_SLAVES);
	while (!r && (next = dev_links_next(&slave)) && next != -ENODEV)
		r = next > 0 ? push(s, slave.dev, err) :
			err_set(err, next, "cannot read %s to find the devices below block device %u:%u: %s", slave.path,
				major(dev), minor(dev), strerror(-next));
	dev_links_close(&slave);
	return r;
}

/* Adds the devices of the btrfs whose directory in sysfs is dir. */
static int push_btrfs_devices(struct stack *s, const char *dir, struct err *err)
{
	char path[PATH_MAX];
	struct dirent *de;
	int r = 0;
	DIR *d;

	if (snprintf(path, sizeof(path), "%s/devices", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	d = opendir(path);
	if (!d)
		return 0;
	while (!r && (de = readdir(d))) {
		if (de->d_name[0] == '.')
			continue;
		if (snprintf(path, sizeof(path), "%s/devices/%s", dir, de->d_name) < (int)sizeof(path))
			r = push(s, sysfs_read_dev(path), err);
	}
	closedir(d);
	return r;
}

/*
 * If `one` is a device of a btrfs, adds all devices of this btrfs.  The st_dev of a btrfs is not a
 * block device, so this function reads the directory of the btrfs in sysfs, which lists the
 * devices.
 */
static int push_btrfs(struct stack *s, dev_t one, struct err *err)
{
	static const char top[] = "/sys/fs/btrfs";
	struct dirent *de;
	int r = 0;
	DIR *d;

	d = opendir(top);
	if (!d)
		return 0;
	while (!r && (de = readdir(d))) {
		struct stack all = { 0 };
		char dir[PATH_MAX];

		if (snprintf(dir, sizeof(dir), "%s/%s", top, de->d_name) >= (int)sizeof(dir) ||
		    push_btrfs_devices(&all, dir, NULL) || !stack_has_device(&all, one))
			continue;
		for (size_t i = 0; !r && i < all.nr; i++)
			r = push(s, all.dev[i], err);
	}
	closedir(d);
	return r;
}

/*
 * Removes backslashes that escape the next character, as overlayfs does.  The mount table shows the
 * option with its backslashes.
 */
static void drop_backslashes(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '\\' && s[1])
			s++;
		*to++ = *s;
	}
	*to = 0;
}

/*
 * Finds where an overlay stores the content of a file: the path in the upper layer.  upper has
 * PATH_MAX bytes.  If the file is only in a lower layer, the result is the root directory of the
 * upper layer, because the first write will copy the file to the upper layer.  Returns false if the
 * mount is not an overlay, or if the upper layer is not visible here.
 */
static bool find_upper(const struct mount *m, const char *path, char *upper)
{
	char real[PATH_MAX];
	size_t len, dir;

	if (strcmp(m->type, "overlay") || !mount_option(m, "upperdir", upper, PATH_MAX))
		return false;
	drop_backslashes(upper);
	if (access(upper, F_OK) || !realpath(path, real))
		return false;
	len = strcmp(m->where, "/") ? strlen(m->where) : 0;
	if (strncmp(real, m->where, len))
		return false;
	dir = strlen(upper);
	if (dir + strlen(m->root) + strlen(real + len) < PATH_MAX)
		strcat(strcat(upper, strcmp(m->root, "/") ? m->root : ""), real + len);
	if (access(upper, F_OK))
		upper[dir] = 0;
	return true;
}

static int push_file(struct stack *s, const char *path, struct err *err);

/* Adds the devices of a file system whose st_dev is not a block device. */
static int push_mount(struct stack *s, const char *path, const struct mount *m, struct err *err)
{
	char *upper = malloc(PATH_MAX);
	dev_t source;
	int r;

	if (!upper) {
		r = err_set(err, -ENOMEM, "out of memory");
	} else if (find_upper(m, path, upper)) {
		r = push_file(s, upper, err);
	} else {
		source = mount_device(m);
		r = push(s, source, err);
		if (!r && source)
			r = push_btrfs(s, source, err);
	}
	free(upper);
	return r;
}

static int push_below(struct stack *s, const char *path, unsigned long long id, struct err *err)
{
	struct mounts t;
	struct mount m;
	int r = 0;

	mounts_open(&t);
	while (mounts_next(&t, &m)) {
		if (m.id != id)
			continue;
		r = push_mount(s, path, &m, err);
		break;
	}
	if (t.error)
		r = err_set(err, t.error, "cannot read /proc/self/mountinfo to find the device of %s: %s", path, strerror(-t.error));
	mounts_close(&t);
	return r;
}

static int push_file(struct stack *s, const char *path, struct err *err)
{
	struct statx x;
	dev_t dev;

	if (statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_MNT_ID, &x))
		return err_set(err, -errno, "cannot look at %s: %m", path);
	if (S_ISBLK(x.stx_mode))
		return push(s, makedev(x.stx_rdev_major, x.stx_rdev_minor), err);

	if (!s->volatile_why)
		s->volatile_why = volatile_file(path);
	dev = makedev(x.stx_dev_major, x.stx_dev_minor);
	if (!stack_has_file(s, dev, x.stx_ino) && s->nr_files < STACK_MAX) {
		s->file[s->nr_files].dev = dev;
		s->file[s->nr_files++].ino = x.stx_ino;
	}
	if (x.stx_dev_major)
		return push(s, dev, err);
	return push_below(s, path, x.stx_mnt_id, err);
}

static int push_loop_file(struct stack *s, const char *dir, struct err *err)
{
	char path[PATH_MAX];
	struct err why;
	size_t n;
	FILE *f;

	if (snprintf(path, sizeof(path), "%s/loop/backing_file", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(path, 1, sizeof(path) - 1, f);
	fclose(f);
	if (n && path[n - 1] == '\n')
		n--;
	path[n] = 0;
	/* Ignore a backing file that was deleted, or that is not in this mount namespace. */
	if (!n || access(path, F_OK))
		return 0;
	return push_file(s, path, &why) ? err_set(err, -EIO, "%s", why.msg) : 0;
}

/*
 * Adds the devices below each device of the list, from `from` on.  The list grows during the loop.
 */
static int walk(struct stack *s, size_t from, struct err *err)
{
	for (size_t i = from; i < s->nr; i++) {
		char dir[64];
		dev_t disk;
		int r;

		snprintf(dir, sizeof(dir), "/sys/dev/block/%u:%u",
			 major(s->dev[i]), minor(s->dev[i]));
		r = push_slaves(s, s->dev[i], err);
		if (!r)
			r = push_loop_file(s, dir, err);
		if (!r && !blkid_devno_to_wholedisk(s->dev[i], NULL, 0, &disk))
			r = push(s, disk, err);
		if (r)
			return r;
	}
	return 0;
}

int stack_add_device(struct stack *s, dev_t dev, struct err *err)
{
	size_t from = s->nr;
	int r = push(s, dev, err);

	return r ? r : walk(s, from, err);
}

int stack_add_file(struct stack *s, const char *path, struct err *err)
{
	size_t from = s->nr;
	int r = push_file(s, path, err);

	s->nr_own = s->nr_files;
	return r ? r : walk(s, from, err);
}
