// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds reasons to refuse a device: see probe.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/dev_links.h"
#include "common/dm_tables.h"
#include "common/reader_lock.h"
#include "erad/device/mounts.h"
#include "erad/device/probe.h"
#include "erad/device/stack.h"
#include "common/sysfs.h"
#include "common/uuid.h"

#define EXCLUSIVE_TRIES		4
#define EXCLUSIVE_PAUSE_MS	100

int probe_device(const char *path, dev_t *dev, uint64_t *nr_sectors, struct err *err)
{
	struct stat st;
	int read_only = 0;
	uint64_t bytes;
	int fd, r = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, -errno, "cannot open %s: %m", path);
	if (fstat(fd, &st))
		r = err_set(err, -errno, "cannot look at %s: %m", path);
	else if (!S_ISBLK(st.st_mode))
		r = err_set(err, -ENOTBLK, "%s is not a block device", path);
	else if (ioctl(fd, BLKGETSIZE64, &bytes))
		r = err_set(err, -errno, "cannot get the size of %s: %m", path);
	else if (ioctl(fd, BLKROGET, &read_only))
		r = err_set(err, -errno, "cannot tell whether %s is read-only: %m", path);
	close(fd);
	if (r)
		return r;
	if (read_only)
		return err_set(err, -EROFS,
			       "%s is read-only, and erad has to write to it; run 'blockdev --setrw %s' to make it writable, if the device can be written",
			       path, path);
	*dev = st.st_rdev;
	*nr_sectors = bytes / 512;
	return 0;
}

int probe_sector_size(const char *path, unsigned int *bytes, struct err *err)
{
	int fd, size, r = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, -errno, "cannot open %s: %m", path);
	if (ioctl(fd, BLKSSZGET, &size))
		r = err_set(err, -errno, "cannot get the size of a sector of %s: %m", path);
	else
		*bytes = size;
	close(fd);
	return r;
}

/*
 * The functions below return true if they cannot find out whether the device is in use, because
 * erad may overwrite a device that seems to be unused.  `who` then says what could not be read.
 */

static bool mounted(dev_t dev, struct err *who)
{
	bool found = false;
	struct mounts t;
	struct mount m;

	mounts_open(&t);
	while (!found && mounts_next(&t, &m)) {
		found = dev && mount_device(&m) == dev;
		if (found)
			err_set(who, 0, "mounted on %.300s (%s)", m.where, m.type);
	}
	if (t.error) {
		err_set(who, 0, "it may be mounted, because /proc/self/mountinfo cannot be read: %s", strerror(-t.error));
		found = true;
	}
	mounts_close(&t);
	return found;
}

static bool is_swap(dev_t dev, struct err *who)
{
	const int r = swaps_have(dev);

	if (r > 0)
		err_set(who, 0, "used for swap");
	else if (r < 0)
		err_set(who, 0, "it may be used for swap, because /proc/swaps cannot be read: %s", strerror(-r));
	return r != 0;
}

static bool held(dev_t dev, struct err *who)
{
	struct dev_links holder;
	char name[DM_NAME_SIZE];
	int r;

	dev_links_open(&holder, dev, DEV_HOLDERS);
	r = dev_links_next(&holder);
	dev_links_close(&holder);
	if (!r || r == -ENODEV)
		return false;
	if (r < 0)
		err_set(who, 0, "it may be in use, because %s cannot be read: %s", holder.path, strerror(-r));
	else if (dm_name(holder.dev, name))
		err_set(who, 0, "held by %s", holder.name);
	else
		err_set(who, 0, "held by %s (/dev/mapper/%s)", holder.name, name);
	return true;
}

static bool used_itself(dev_t dev, struct err *who)
{
	return mounted(dev, who) || is_swap(dev, who) || held(dev, who);
}

static bool partition_used(const char *sysfs, struct err *who)
{
	bool found = false;
	struct dirent *de;
	DIR *d;

	d = opendir(sysfs);
	if (!d && errno != ENOENT) {
		err_set(who, 0, "it may be in use, because %s cannot be read: %m", sysfs);
		return true;
	}
	while (d && !found && (de = readdir(d))) {
		char path[PATH_MAX];
		size_t n;

		if (de->d_name[0] == '.')
			continue;
		n = snprintf(path, sizeof(path), "%s/%s/partition", sysfs, de->d_name);
		if (n >= sizeof(path) || access(path, F_OK))
			continue;
		path[n - strlen("/partition")] = 0;
		found = used_itself(sysfs_read_dev(path), who);
		if (found)
			err_prefix(who, 0, "partition %s", de->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

/*
 * Finds a user that has the device open exclusively.  Looks several times: a process of eractl has
 * the device for a moment without the lock of reader_lock.h, before it takes the lock and after it
 * was killed.
 */
static enum probe_user exclusive_user(dev_t dev, const char *path, struct err *who)
{
	for (unsigned int tries = 0; tries < EXCLUSIVE_TRIES; tries++) {
		const pid_t reader = reader_lock_owner(dev);
		int fd;

		if (tries)
			usleep(EXCLUSIVE_PAUSE_MS * 1000);
		fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0)
			close(fd);
		if (fd >= 0 || errno != EBUSY)
			return PROBE_UNUSED;
		if (reader && reader_lock_owner(dev) == reader) {
			err_set(who, 0, "process %d of eractl reads it, for example for a backup", (int)reader);
			return PROBE_READER;
		}
	}
	err_set(who, 0, "opened exclusively by another program or the kernel");
	return PROBE_USED;
}

enum probe_user probe_user(dev_t dev, const char *path, struct err *who)
{
	char sysfs[64];

	snprintf(sysfs, sizeof(sysfs), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	if (used_itself(dev, who) || partition_used(sysfs, who))
		return PROBE_USED;
	return path ? exclusive_user(dev, path, who) : PROBE_UNUSED;
}

bool probe_in_use(dev_t dev, const char *path, struct err *who)
{
	return probe_user(dev, path, who) != PROBE_UNUSED;
}

/*
 * Returns whether the stack `device` contains the file from which the stack `file` begins.  Ignores
 * the backing files of loop devices below that file, because both stacks may lie on them.
 */
static bool stands_on_file(const struct stack *device, const struct stack *file)
{
	for (size_t i = 0; i < file->nr_own; i++)
		if (stack_has_file(device, file->file[i].dev, file->file[i].ino))
			return true;
	return false;
}

/*
 * Finds the devices below the metadata.  If the metadata file does not exist yet, finds the devices
 * below its directory.
 */
static int stack_of_metadata(struct stack *s, const char *metadata, struct err *err)
{
	char dir[PATH_MAX];

	if (!access(metadata, F_OK))
		return stack_add_file(s, metadata, err);
	snprintf(dir, sizeof(dir), "%s", metadata);
	if (strrchr(dir, '/') > dir)
		*strrchr(dir, '/') = 0;
	else
		strcpy(dir, "/");
	return stack_add_file(s, dir, err);
}

int probe_lasting(const char *metadata, struct err *err)
{
	struct stack *s;
	int r;

	if (getenv("ERAD_VOLATILE_METADATA"))
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	r = stack_of_metadata(s, metadata, err);
	if (!r && s->volatile_why)
		r = err_set(err, -EINVAL,
			    "metadata %s is %s, so it would be lost with the next boot; choose a block device or a file on a disk",
			    metadata, s->volatile_why);
	free(s);
	return r;
}

/*
 * Returns 1 if the file, device or directory at path lies on the origin, 2 if the origin lies on the
 * file or device, 0 if neither lies on the other, or a negative errno.
 */
static int depend(const char *path, dev_t origin, struct err *err)
{
	struct stack *meta, *tracked;
	struct stat st;
	int r;

	/* Allocate the stacks: they are too large for the stack of a thread. */
	meta = calloc(1, sizeof(*meta));
	tracked = calloc(1, sizeof(*tracked));
	if (!meta || !tracked) {
		r = err_set(err, -ENOMEM, "out of memory");
		goto out;
	}
	if (stat(path, &st))
		st = (struct stat){ 0 };
	r = stack_of_metadata(meta, path, err);
	if (!r)
		r = stack_add_device(tracked, origin, err);
	if (r)
		goto out;
	if (stack_has_device(meta, origin))
		r = 1;
	else if ((S_ISBLK(st.st_mode) && stack_has_device(tracked, st.st_rdev)) ||
		 (S_ISREG(st.st_mode) && stands_on_file(tracked, meta)))
		r = 2;
out:
	free(meta);
	free(tracked);
	return r;
}

int probe_apart(const char *metadata, const char *origin_path, dev_t origin, struct err *err)
{
	const int r = depend(metadata, origin, err);

	if (r <= 0)
		return r;
	return r == 1 ? err_set(err, -EDEADLK,
				"metadata %s lies on %s, the device to be tracked: writes would wait for themselves; choose another place for the metadata",
				metadata, origin_path) :
		err_set(err, -EDEADLK, "%s, the device to be tracked, lies on its own metadata %s; choose another place for the metadata",
			origin_path, metadata);
}

/*
 * Returns whether the device is the mapped device of a volume, or has an erad target in its table.
 * name receives the name of the device.
 */
static bool is_volume(dev_t dev, char name[DM_NAME_SIZE])
{
	char uuid[DM_UUID_LEN];
	struct dm_device d;
	bool found = false;

	if (dm_name(dev, name))
		return false;
	if (!blockdev_attribute(dev, "dm/uuid", uuid, sizeof(uuid)) && uuid_dm_is_volume(uuid))
		return true;
	if (dm_tables_read(dev, &d, NULL))
		return false;
	for (unsigned int i = 0; i < d.nr; i++)
		found |= !strcmp(d.line[i].type, "erad");
	dm_tables_free(&d);
	return found;
}

/* Returns EDEADLK if the file, device or directory at path lies on any volume. */
static int refuse_on_volume(const char *path, struct err *err)
{
	struct stack *s = calloc(1, sizeof(*s));
	char name[DM_NAME_SIZE];
	int r;

	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	r = stack_of_metadata(s, path, err);
	for (size_t i = 0; !r && i < s->nr; i++)
		if (is_volume(s->dev[i], name))
			r = err_set(err, -EDEADLK,
				    "the copy-on-write store at %.300s would lie on volume %s, and writes of the two volumes might wait for each other; name a place that lies on no volume of erad with --cow",
				    path, name);
	free(s);
	return r;
}

int probe_store_apart(const char *path, const char *origin_path, dev_t origin, struct err *err)
{
	const int r = depend(path, origin, err);

	if (r < 0)
		return r;
	if (!r)
		return refuse_on_volume(path, err);
	return r == 1 ? err_set(err, -EDEADLK,
				"the copy-on-write store at %s would lie on the volume, whose origin is %s: writes would wait for themselves; name another place with --cow",
				path, origin_path) :
		err_set(err, -EDEADLK, "%s, the origin of the volume, lies on %s; name another place for the copy-on-write store with --cow",
			origin_path, path);
}

/*
 * Finds a logical volume of the volume group in the stack.  lv_uuid: the device-mapper UUID of any
 * logical volume of the volume group.  name receives the name of the device that was found.
 */
static bool stack_has_vg(const struct stack *s, const char *lv_uuid, char name[DM_NAME_SIZE])
{
	const size_t vg = strlen("LVM-") + 32;	/* length of the part that names the volume group */
	char uuid[256];

	for (size_t i = 0; i < s->nr; i++) {
		if (blockdev_attribute(s->dev[i], "dm/uuid", uuid, sizeof(uuid)) || strncmp(uuid, lv_uuid, vg))
			continue;
		if (dm_name(s->dev[i], name))
			strcpy(name, "?");
		return true;
	}
	return false;
}

int probe_other_vg(const char *metadata, const char *lv_uuid, struct err *err)
{
	struct stack *s = calloc(1, sizeof(*s));
	char name[DM_NAME_SIZE];
	int r;

	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	r = stack_of_metadata(s, metadata, err);
	if (!r && stack_has_vg(s, lv_uuid, name))
		r = err_set(err, -EINVAL,
			    "metadata %.200s lies on /dev/mapper/%s, a logical volume of the same volume group; choose a place that is not in the volume group",
			    metadata, name);
	free(s);
	return r;
}

/* The argument and the result of swap_in_vg(). */
struct swap_search {
	const char *lv_uuid;
	struct stack *stack;
	char name[DM_NAME_SIZE];
	int code;
	struct err *err;
};

static bool swap_in_vg(dev_t dev, void *arg)
{
	struct swap_search *s = arg;

	*s->stack = (struct stack){ 0 };
	s->code = stack_add_device(s->stack, dev, s->err);
	return s->code || stack_has_vg(s->stack, s->lv_uuid, s->name);
}

static int refuse_boot_vg(const char *what, const char *name, struct err *err)
{
	return err_set(err, -EOPNOTSUPP,
		       "%s lies on /dev/mapper/%s, a logical volume of the same volume group: the initramfs activates this volume group before erad runs, so the next boot would fail or go past erad; attach a volume group without the root file system, /usr and swap",
		       what, name);
}

int probe_boot_vg(const char *lv_uuid, struct err *err)
{
	static const struct {
		const char *path, *what;
	} early[] = { { "/", "the root file system" }, { "/usr", "/usr" } };
	struct swap_search swap = { .lv_uuid = lv_uuid, .err = err };
	char name[DM_NAME_SIZE];
	struct stack *s;
	int found, r = 0;

	/* Allocate the struct stack, because it is too large for the stack of a thread. */
	s = malloc(sizeof(*s));
	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < sizeof(early) / sizeof(*early) && !r; i++) {
		if (access(early[i].path, F_OK))
			continue;
		*s = (struct stack){ 0 };
		r = stack_add_file(s, early[i].path, err);
		if (!r && stack_has_vg(s, lv_uuid, name))
			r = refuse_boot_vg(early[i].what, name, err);
	}
	swap.stack = s;
	found = r ? 0 : swaps_find(swap_in_vg, &swap);
	if (found < 0)
		r = err_set(err, found, "cannot read /proc/swaps to find out whether swap lies on the volume group: %s", strerror(-found));
	else if (found)
		r = swap.code ? swap.code : refuse_boot_vg("swap", swap.name, err);
	free(s);
	return r;
}

/* The state of the search of probe_cycle(). */
struct chain {
	const struct eratab *tab;
	struct stack *stack;		/* the devices below the metadata that is examined */
	bool *seen;			/* for each line of tab: whether its volume is in the queue */
	const struct eratab_entry **queue;
	size_t nr;
};

/* Adds to the queue each volume whose mapped device is in the stack. */
static void add_volumes(struct chain *c)
{
	for (size_t i = 0; i < c->tab->nr; i++) {
		const struct eratab_entry *e = c->tab->line[i].entry;
		dev_t dev;

		if (!e || c->seen[i])
			continue;
		dev = dm_tables_find(e->name);
		if (!dev || !stack_has_device(c->stack, dev))
			continue;
		c->seen[i] = true;
		c->queue[c->nr++] = e;
	}
}

static int follow(struct chain *c, const char *metadata, const char *origin_path, dev_t origin, struct err *err)
{
	int r = stack_of_metadata(c->stack, metadata, err);

	if (r)
		return r;
	add_volumes(c);
	for (size_t i = 0; i < c->nr; i++) {
		const struct eratab_entry *e = c->queue[i];

		*c->stack = (struct stack){ 0 };
		/* Ignore an error, because the metadata of another volume may be missing. */
		if (stack_of_metadata(c->stack, e->metadata, NULL))
			continue;
		if (stack_has_device(c->stack, origin))
			return err_set(err, -EDEADLK,
				       "metadata %.200s depends on volume %s, whose metadata %.200s lies on %.200s, the device to be tracked: writes would wait for each other; choose another place for the metadata",
				       metadata, e->name, e->metadata, origin_path);
		add_volumes(c);
	}
	return 0;
}

int probe_cycle(const struct eratab *tab, const char *metadata, const char *origin_path, dev_t origin, struct err *err)
{
	struct chain c = { .tab = tab };
	int r;

	c.stack = calloc(1, sizeof(*c.stack));
	c.seen = calloc(tab->nr + 1, sizeof(*c.seen));
	c.queue = calloc(tab->nr + 1, sizeof(*c.queue));
	r = c.stack && c.seen && c.queue ? follow(&c, metadata, origin_path, origin, err) : err_set(err, -ENOMEM, "out of memory");
	free(c.stack);
	free(c.seen);
	free(c.queue);
	return r;
}
