// SPDX-License-Identifier: GPL-2.0-or-later
/* Simulates block devices, mounts and files: see devices_sim.h. */
#include <blkid/blkid.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <systemd/sd-device.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices_sim.h"

#define NODES	64
#define LINKS	8

struct node {
	char path[160];
	mode_t mode;
	dev_t dev, rdev;
	ino_t ino;
	unsigned int mount;
	bool in_memory;
};

static struct node node[NODES];
static size_t nr_nodes;
static char root[64];	/* path of the temporary directory; "": paths are not redirected */

/* The only device in udev's database. */
static struct {
	dev_t dev;
	const char *serial;
	const char *link[LINKS];
	size_t nr, next;
} udev;

unsigned int devices_busy_opens, devices_unlocked_looks;
pid_t devices_reader;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
pid_t __wrap_reader_lock_owner(dev_t dev);
FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
ssize_t __real_readlink(const char *path, char *buf, size_t size);
ssize_t __wrap_readlink(const char *path, char *buf, size_t size);
int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
char *__real_realpath(const char *path, char *out);
char *__wrap_realpath(const char *path, char *out);
int __wrap_stat(const char *path, struct stat *st);
int __wrap_statx(int dir, const char *path, int flags, unsigned int mask, struct statx *x);
int __wrap_statfs(const char *path, struct statfs *fs);
int __wrap_blkid_devno_to_wholedisk(dev_t dev, char *name, size_t len, dev_t *disk);
blkid_probe __wrap_blkid_new_probe_from_filename(const char *path);
int __wrap_sd_device_new_from_devnum(sd_device **d, char type, dev_t dev);
sd_device *__wrap_sd_device_unref(sd_device *d);
int __wrap_sd_device_get_property_value(sd_device *d, const char *key, const char **value);
const char *__wrap_sd_device_get_devlink_first(sd_device *d);
const char *__wrap_sd_device_get_devlink_next(sd_device *d);

/* Returns the path below the temporary directory.  The result is valid for three further calls. */
static const char *path_below(const char *path)
{
	static char buf[4][PATH_MAX + sizeof(root)];
	static unsigned int next;
	char *b = buf[next++ % 4];

	snprintf(b, sizeof(*buf), "%s%s", *path == '/' ? root : "", path);
	return b;
}

static const struct node *find_path(const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	for (size_t i = 0; i < nr_nodes; i++)
		if (strlen(node[i].path) == len && !strncmp(node[i].path, path, len))
			return &node[i];
	errno = ENOENT;
	return NULL;
}

/* ---- functions that replace those of the C library ---- */

int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	if (flags & O_EXCL && devices_busy_opens) {
		devices_busy_opens--;
		errno = EBUSY;
		return -1;
	}
	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return __real_open(path, flags, mode);
}

pid_t __wrap_reader_lock_owner(dev_t dev)
{
	(void)dev;
	if (!devices_unlocked_looks)
		return devices_reader;
	devices_unlocked_looks--;
	return 0;
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	return __real_fopen(path_below(path), mode);
}

DIR *__wrap_opendir(const char *path)
{
	return __real_opendir(path_below(path));
}

ssize_t __wrap_readlink(const char *path, char *buf, size_t size)
{
	return __real_readlink(path_below(path), buf, size);
}

int __wrap_access(const char *path, int mode)
{
	return __real_access(path_below(path), mode);
}

char *__wrap_realpath(const char *path, char *out)
{
	char real[PATH_MAX];

	if (!__real_realpath(path_below(path), real))
		return NULL;
	return strcpy(out, real + strlen(root));
}

int __wrap_stat(const char *path, struct stat *st)
{
	const struct node *n;

	if (!strncmp(path, DEVICES_HUNG, strlen(DEVICES_HUNG)))
		fail_msg("erad would wait for %s without end", path);
	n = find_path(path);
	if (!n)
		return -1;
	*st = (struct stat){ .st_mode = n->mode, .st_dev = n->dev, .st_ino = n->ino, .st_rdev = n->rdev };
	return 0;
}

int __wrap_statx(int dir, const char *path, int flags, unsigned int mask, struct statx *x)
{
	const struct node *n = find_path(path);

	(void)dir;
	(void)flags;
	(void)mask;
	if (!n)
		return -1;
	*x = (struct statx){
		.stx_mode = n->mode, .stx_ino = n->ino, .stx_mnt_id = n->mount,
		.stx_dev_major = major(n->dev), .stx_dev_minor = minor(n->dev),
		.stx_rdev_major = major(n->rdev), .stx_rdev_minor = minor(n->rdev),
	};
	return 0;
}

int __wrap_statfs(const char *path, struct statfs *fs)
{
	const struct node *n = find_path(path);

	if (!n)
		return -1;
	*fs = (struct statfs){ .f_type = n->in_memory ? TMPFS_MAGIC : EXT4_SUPER_MAGIC };
	return 0;
}

int __wrap_blkid_devno_to_wholedisk(dev_t dev, char *name, size_t len, dev_t *disk)
{
	char link[64], path[PATH_MAX], file[PATH_MAX + 16];
	unsigned int ma, mi;
	FILE *f;

	assert_null(name);
	assert_int_equal(len, 0);
	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	if (!__real_realpath(path_below(link), path))
		return -1;
	snprintf(file, sizeof(file), "%s/partition", path);
	if (!__real_access(file, F_OK))
		*strrchr(path, '/') = 0;
	snprintf(file, sizeof(file), "%s/dev", path);
	f = __real_fopen(file, "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%u:%u", &ma, &mi), 2);
	fclose(f);
	*disk = makedev(ma, mi);
	return 0;
}

/* In this simulation, no disk has a partition table. */
blkid_probe __wrap_blkid_new_probe_from_filename(const char *path)
{
	(void)path;
	return NULL;
}

int __wrap_sd_device_new_from_devnum(sd_device **d, char type, dev_t dev)
{
	assert_int_equal(type, 'b');
	if (!udev.dev || dev != udev.dev)
		return -ENODEV;
	*d = (sd_device *)&udev;
	return 0;
}

sd_device *__wrap_sd_device_unref(sd_device *d)
{
	assert_ptr_equal(d, &udev);
	return NULL;
}

int __wrap_sd_device_get_property_value(sd_device *d, const char *key, const char **value)
{
	assert_ptr_equal(d, &udev);
	assert_string_equal(key, "ID_SERIAL");
	*value = udev.serial;
	return udev.serial ? 0 : -ENOENT;
}

const char *__wrap_sd_device_get_devlink_first(sd_device *d)
{
	udev.next = 0;
	return __wrap_sd_device_get_devlink_next(d);
}

const char *__wrap_sd_device_get_devlink_next(sd_device *d)
{
	assert_ptr_equal(d, &udev);
	return udev.next < udev.nr ? udev.link[udev.next++] : NULL;
}

/* ---- functions with which tests add devices and files ---- */

void devices_udev(dev_t dev, const char *serial)
{
	udev.dev = dev;
	udev.serial = serial;
	udev.nr = 0;
}

void devices_link(const char *path, dev_t to)
{
	assert_true(udev.nr < LINKS);
	udev.link[udev.nr++] = path;
	devices_node(path, to);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void devices_begin(void)
{
	strcpy(root, "/var/tmp/erad-devices-XXXXXX");
	assert_non_null(mkdtemp(root));
	nr_nodes = 0;
	devices_udev(0, NULL);
	devices_write("/proc/self/mountinfo", "");
	devices_write("/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
}

void devices_end(void)
{
	assert_int_equal(nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	*root = 0;
}

static void make_directories(const char *path)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", path_below(path));
	for (char *p = dir + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		assert_true(!mkdir(dir, 0700) || errno == EEXIST);
		*p = '/';
	}
}

void devices_write(const char *path, const char *text)
{
	FILE *f;

	make_directories(path);
	f = __real_fopen(path_below(path), "ae");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

void devices_unreadable(const char *path)
{
	assert_int_equal(unlink(path_below(path)), 0);
	assert_int_equal(mkdir(path_below(path), 0700), 0);
}

void devices_removed(const char *path)
{
	assert_int_equal(unlink(path_below(path)), 0);
}

void devices_no_directory(const char *path)
{
	assert_int_equal(rmdir(path_below(path)), 0);
	devices_write(path, "");
}

static struct node *add_node(const char *path)
{
	struct node *n = &node[nr_nodes++];

	assert_true(nr_nodes <= NODES);
	if (path[strlen(path) - 1] == '/')
		make_directories(path);
	else
		devices_write(path, "");
	snprintf(n->path, sizeof(n->path), "%.*s", (int)strlen(path) - (path[1] && path[strlen(path) - 1] == '/'), path);
	return n;
}

void devices_file(const char *path, dev_t dev, ino_t ino, unsigned int mount, bool in_memory)
{
	struct node *n = add_node(path);

	n->mode = path[strlen(path) - 1] == '/' ? S_IFDIR | 0755 : S_IFREG | 0600;
	n->dev = dev;
	n->rdev = 0;
	n->ino = ino;
	n->mount = mount;
	n->in_memory = in_memory;
}

void devices_node(const char *path, dev_t rdev)
{
	struct node *n = add_node(path);

	*n = (struct node){ .mode = S_IFBLK | 0600, .rdev = rdev };
	snprintf(n->path, sizeof(n->path), "%s", path);
}

void devices_add(const char *name, const char *disk, dev_t dev)
{
	char dir[128], path[160], text[160];

	snprintf(dir, sizeof(dir), "/sys/devices/%s%s%s", disk ? disk : "", disk ? "/" : "", name);
	snprintf(path, sizeof(path), "%s/dev", dir);
	snprintf(text, sizeof(text), "%u:%u\n", major(dev), minor(dev));
	devices_write(path, text);
	snprintf(path, sizeof(path), "%s/holders/", dir);
	make_directories(path);
	snprintf(path, sizeof(path), "%s/slaves/", dir);
	make_directories(path);
	if (disk) {
		snprintf(path, sizeof(path), "%s/partition", dir);
		devices_write(path, "1\n");
	}
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	make_directories(path);
	snprintf(text, sizeof(text), "../../devices/%s", dir + strlen("/sys/devices/"));
	assert_int_equal(symlink(text, path_below(path)), 0);
	snprintf(path, sizeof(path), "/dev/%s", name);
	for (char *p = path; *p; p++)
		if (*p == '!')
			*p = '/';
	devices_node(path, dev);
}

void devices_stack(const char *upper, const char *lower)
{
	char link[160], to[160];

	snprintf(link, sizeof(link), "/sys/devices/%s/slaves/%s", upper, strrchr(lower, '/') ? strrchr(lower, '/') + 1 : lower);
	snprintf(to, sizeof(to), "/sys/devices/%s", lower);
	assert_int_equal(symlink(path_below(to), path_below(link)), 0);
	snprintf(link, sizeof(link), "/sys/devices/%s/holders/%s", lower, upper);
	snprintf(to, sizeof(to), "/sys/devices/%s", upper);
	assert_int_equal(symlink(path_below(to), path_below(link)), 0);
}
