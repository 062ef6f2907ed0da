// SPDX-License-Identifier: GPL-2.0-or-later
/* What a block device or a file stands on, from sysfs and the mount table. */
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

#include "erad/stack.h"

dev_t stack_read_dev(const char *dir)
{
	char path[PATH_MAX];
	unsigned int ma, mi;
	dev_t dev = 0;
	FILE *f;

	if (snprintf(path, sizeof(path), "%s/dev", dir) >= (int)sizeof(path))
		return 0;
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%u:%u", &ma, &mi) == 2)
		dev = makedev(ma, mi);
	fclose(f);
	return dev;
}

void stack_unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		unsigned int c;

		if (*s == '\\' && sscanf(s + 1, "%3o", &c) == 1 && strlen(s) >= 4) {
			*to++ = (char)c;
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
}

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

/* Disks of memory: the kernel's ram disks and zram. */
static bool is_ram_disk(dev_t dev)
{
	char path[64], link[PATH_MAX];
	const char *name;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return false;
	link[n] = 0;
	name = strrchr(link, '/') ? strrchr(link, '/') + 1 : link;
	name += strspn(name, "z");
	return !strncmp(name, "ram", 3);
}

/* Why a file is gone at the next boot; NULL: it stays. */
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

/* Appends; what is there already is not an error. */
static int push(struct stack *s, dev_t dev, struct err *err)
{
	if (!dev || stack_has_device(s, dev))
		return 0;
	if (s->nr == STACK_MAX)
		return err_set(err, -E2BIG, "block device %u:%u stands on more than %u others",
			       major(s->dev[0]), minor(s->dev[0]), STACK_MAX);
	s->dev[s->nr++] = dev;
	if (!s->volatile_why && is_ram_disk(dev))
		s->volatile_why = "in memory and not on a disk";
	return 0;
}

/* Each directory entry of dir/sub that has a "dev" file. */
static int push_links(struct stack *s, const char *dir, const char *sub, struct err *err)
{
	char path[PATH_MAX];
	struct dirent *de;
	int r = 0;
	DIR *d;

	if (snprintf(path, sizeof(path), "%s/%s", dir, sub) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	d = opendir(path);
	if (!d)
		return 0;
	while (!r && (de = readdir(d))) {
		if (de->d_name[0] == '.')
			continue;
		if (snprintf(path, sizeof(path), "%s/%s/%s", dir, sub, de->d_name) <
		    (int)sizeof(path))
			r = push(s, stack_read_dev(path), err);
	}
	closedir(d);
	return r;
}

/* A btrfs has a device number of its own; its devices are all in one directory. */
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
		    push_links(&all, dir, "devices", NULL) || !stack_has_device(&all, one))
			continue;
		for (size_t i = 0; !r && i < all.nr; i++)
			r = push(s, all.dev[i], err);
	}
	closedir(d);
	return r;
}

/* The line of the mount table for the mount with this id, the caller's to free; NULL: none. */
static char *mount_line(unsigned long long id)
{
	unsigned long long this;
	char *line = NULL;
	size_t cap = 0;
	FILE *f;

	f = fopen("/proc/self/mountinfo", "re");
	if (!f)
		return NULL;
	while (getline(&line, &cap, f) > 0) {
		if (sscanf(line, "%llu", &this) != 1 || this != id)
			continue;
		fclose(f);
		return line;
	}
	free(line);
	fclose(f);
	return NULL;
}

/* The device that a line of the mount table names; 0: none (tmpfs, nfs …), such a filesystem stands on nothing. */
static dev_t mount_source(const char *line)
{
	const char *dash = strstr(line, " - ");
	char source[PATH_MAX];
	struct stat st;

	if (dash && sscanf(dash, " - %*s %4095s", source) == 1 && !stat(source, &st) &&
	    S_ISBLK(st.st_mode))
		return st.st_rdev;
	return 0;
}

/* Where a file of an overlay lies in the upper layer: upper, PATH_MAX bytes.  False if that is not known. */
static bool find_upper(const char *line, const char *path, char *upper)
{
	const char *dash = strstr(line, " - overlay "), *option;
	char root[PATH_MAX], where[PATH_MAX], real[PATH_MAX];
	size_t len;

	option = dash ? strstr(dash, "upperdir=") : NULL;
	if (!option || sscanf(line, "%*u %*u %*s %4095s %4095s", root, where) != 2 ||
	    sscanf(option, "upperdir=%4095[^, \n]", upper) != 1 || !realpath(path, real))
		return false;
	stack_unescape(upper);
	stack_unescape(root);
	stack_unescape(where);
	len = strcmp(where, "/") ? strlen(where) : 0;
	if (strncmp(real, where, len))
		return false;
	return strlen(upper) + strlen(root) + strlen(real + len) < PATH_MAX &&
		strcat(strcat(upper, strcmp(root, "/") ? root : ""), real + len) &&
		!access(upper, F_OK);
}

static int push_file(struct stack *s, const char *path, struct err *err);

/* What a filesystem without a device of its own stands on. */
static int push_below(struct stack *s, const char *path, unsigned long long mount, struct err *err)
{
	char *line = mount_line(mount);
	char *upper = NULL;
	dev_t source;
	int r = 0;

	if (!line)
		return 0;
	upper = malloc(PATH_MAX);
	if (!upper) {
		r = err_set(err, -ENOMEM, "out of memory");
	} else if (find_upper(line, path, upper)) {
		r = push_file(s, upper, err);
	} else {
		source = mount_source(line);
		r = push(s, source, err);
		if (!r && source)
			r = push_btrfs(s, source, err);
	}
	free(upper);
	free(line);
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
	/* A file that was deleted, or is not in our namespace, cannot be followed. */
	if (!n || access(path, F_OK))
		return 0;
	return push_file(s, path, &why) ? err_set(err, -EIO, "%s", why.msg) : 0;
}

/* Follows what is not followed yet; the list grows meanwhile. */
static int walk(struct stack *s, size_t from, struct err *err)
{
	for (size_t i = from; i < s->nr; i++) {
		char dir[64], up[PATH_MAX], path[PATH_MAX];
		int r;

		snprintf(dir, sizeof(dir), "/sys/dev/block/%u:%u",
			 major(s->dev[i]), minor(s->dev[i]));
		r = push_links(s, dir, "slaves", err);
		if (!r)
			r = push_loop_file(s, dir, err);
		if (r)
			return r;

		snprintf(path, sizeof(path), "%s/partition", dir);
		if (access(path, F_OK) || !realpath(dir, up))
			continue;
		*strrchr(up, '/') = 0;
		r = push(s, stack_read_dev(up), err);
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

	return r ? r : walk(s, from, err);
}
