// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The checks of `eractl doctor` on the places of metadata: the file system, the disk, the free
 * space.
 */
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "common/blockdev.h"
#include "common/dev_links.h"
#include "common/sysfs.h"
#include "eractl/eractl.h"
#include "eractl/doctor_places.h"

#define DISKS_MAX	16
#define DEPTH_MAX	16
#define OVERLAY_MAGIC	0x794c7630

/*
 * A device, and the devices below it, down to the disks.  If there are more than DISKS_MAX, the
 * rest is left out.
 */
struct below {
	dev_t dev[DISKS_MAX];
	size_t nr;
};

static bool is_below(const struct below *b, dev_t dev)
{
	for (size_t i = 0; i < b->nr; i++)
		if (b->dev[i] == dev)
			return true;
	return false;
}

static void find_below(struct below *b, dev_t dev, int depth)
{
	char path[64], line[16];
	struct dev_links slave;

	if (!dev || depth == DEPTH_MAX || b->nr == DISKS_MAX || is_below(b, dev))
		return;
	b->dev[b->nr++] = dev;
	if (!blockdev_attribute(dev, "partition", line, sizeof(line))) {
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/..", major(dev), minor(dev));
		find_below(b, sysfs_read_dev(path), depth + 1);
	}
	dev_links_open(&slave, dev, DEV_SLAVES);
	while (dev_links_next(&slave) > 0)
		find_below(b, slave.dev, depth + 1);
	dev_links_close(&slave);
}

/* Returns the lowest device of `a` that is also in `b`, or 0. */
static dev_t common_disk(const struct below *a, const struct below *b)
{
	for (size_t i = a->nr; i; i--)
		if (is_below(b, a->dev[i - 1]))
			return a->dev[i - 1];
	return 0;
}

#define MOVE_COMMAND	(ERAD_NAME_MAX + 80)	/* size of the buffer of move_command(), in bytes */

/* Sets command to the steps that move the metadata of the volume to another place. */
static void move_command(char command[MOVE_COMMAND], const struct eratab_entry *e)
{
	snprintf(command, MOVE_COMMAND, "eractl close %s, then move the file and edit " ERAD_TAB, e->name);
}

static void look_at_disk(struct findings *f, const struct eratab_entry *e, dev_t place)
{
	char mapped[sizeof("/dev/mapper/") + ERAD_NAME_MAX], name[64] = "?", command[MOVE_COMMAND];
	struct below origin = { .nr = 0 }, metadata = { .nr = 0 };
	dev_t volume, disk;

	snprintf(mapped, sizeof(mapped), "/dev/mapper/%s", e->name);
	volume = blockdev_at(mapped);
	find_below(&metadata, place, 0);
	find_below(&origin, blockdev_at(e->origin), 0);
	if (volume && is_below(&metadata, volume)) {
		move_command(command, e);
		finding_add(f, FINDING_PROBLEM, "metadata", e->name, command,
			    "%s is on the volume itself, so a first write waits for itself", e->metadata);
		return;
	}
	disk = common_disk(&metadata, &origin);
	if (!disk)
		return;
	blockdev_kernel_name(disk, name, sizeof(name));
	finding_add(f, FINDING_NOTE, "metadata", e->name, NULL,
		    "%s is on the same disk as the origin, /dev/%s; another disk makes first writes faster", e->metadata, name);
}

static void look_at_file(struct findings *f, const struct eratab_entry *e, const struct stat *st)
{
	char path[ERATAB_PATH_MAX + 1], move[MOVE_COMMAND], *command;
	const char *dir;
	struct statvfs space;
	struct statfs fs;
	uint64_t available;

	snprintf(path, sizeof(path), "%s", e->metadata);
	dir = dirname(path);
	if (statfs(dir, &fs) || statvfs(dir, &space)) {
		finding_add(f, FINDING_PROBLEM, "metadata", e->name, NULL, "%s: %s", dir, strerror(errno));
		return;
	}
	switch ((unsigned long)fs.f_type) {
	case TMPFS_MAGIC:
	case RAMFS_MAGIC:
	case OVERLAY_MAGIC:
		move_command(move, e);
		finding_add(f, FINDING_PROBLEM, "metadata", e->name, move,
			    "%s is in memory or in a container's layer, so it is lost at the next boot", e->metadata);
	}
	available = (uint64_t)space.f_bavail * space.f_frsize;
	command = finding_command("df", dir);
	if (available < (uint64_t)st->st_size)
		finding_add(f, FINDING_PROBLEM, "metadata", e->name, command,
			    "the file system of %s has %" PRIu64 " bytes free; to write the metadata anew, erad needs %" PRIu64,
			    dir, available, (uint64_t)st->st_size);
	else
		finding_add(f, FINDING_OK, "metadata", e->name, NULL, "%s, with %" PRIu64 " MiB free beside it", e->metadata,
			    available >> 20);
	free(command);
	look_at_disk(f, e, st->st_dev);
}

void doctor_places(struct findings *f, const struct eratab *tab)
{
	for (size_t i = 0; i < tab->nr; i++) {
		const struct eratab_entry *e = tab->line[i].entry;
		char command[ERAD_NAME_MAX + 32];
		struct stat st;

		if (!e)
			continue;
		if (stat(e->metadata, &st)) {
			snprintf(command, sizeof(command), "eractl status %s", e->name);
			finding_add(f, FINDING_PROBLEM, "metadata", e->name, command, "%s: %s", e->metadata, strerror(errno));
		} else if (S_ISBLK(st.st_mode)) {
			finding_add(f, FINDING_OK, "metadata", e->name, NULL, "%s", e->metadata);
			look_at_disk(f, e, st.st_rdev);
		} else {
			look_at_file(f, e, &st);
		}
	}
}
