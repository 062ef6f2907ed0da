// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds the devices that use the origin of a volume beside the volume: see holders.h. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/dev_links.h"
#include "common/dm_tables.h"
#include "common/image.h"
#include "common/origin_count.h"
#include "common/sysfs.h"
#include "common/uuid.h"
#include "erad/device/holders.h"

/*
 * Returns whether the device is NAME-image-origin or NAME-image, which erad creates on the origin
 * beside the volume.  Returns false for a device with the UUID of the volume: if this is not the
 * volume's own device, another program has loaded another table for the device.
 */
static bool is_of_image(dev_t dev, const char *volume_uuid)
{
	const size_t len = strlen(volume_uuid);
	char found[256];

	return !blockdev_attribute(dev, "dm/uuid", found, sizeof(found)) &&
	       !strncmp(found, volume_uuid, len) && found[len] && image_uuid_on_origin(found);
}

/*
 * Returns whether all lines have targets that write to their devices only what is written to the
 * mapped device, and whose parameters name all of their devices.
 */
static bool has_plain_targets(const struct dm_device *d)
{
	static const char *const plain[] = { "linear", "striped", "error", "zero" };

	for (unsigned int i = 0; i < d->nr; i++) {
		size_t k = 0;

		while (k < sizeof(plain) / sizeof(*plain) && strcmp(d->line[i].type, plain[k]))
			k++;
		if (k == sizeof(plain) / sizeof(*plain))
			return false;
	}
	return true;
}

/*
 * Returns whether nothing was written to the device since it was created.  Used for read-only devices only.
 * The counter is needed, because the kernel lets writes through that come from a writable mapped device on
 * a read-only one.
 */
static bool is_unwritten(dev_t dev)
{
	struct origin_count count;

	origin_count_read(dev, &count);
	return count.known && !count.sectors;
}

/*
 * Returns whether the live table of the holder cannot have written to the origin: see holders.h.
 * Returns false if this cannot be found out.
 */
static bool is_harmless(dev_t dev, dev_t origin)
{
	struct dm_device d;
	bool uses = false, harmless;

	/*
	 * Read the types of the targets first.  Read the table only if all types are plain: the
	 * table of another target, such as dm-crypt, may contain an encryption key.
	 */
	if (dm_tables_status(dev, &d, NULL))
		return false;
	harmless = has_plain_targets(&d);
	dm_tables_free(&d);
	if (!harmless || dm_tables_read(dev, &d, NULL))
		return false;
	for (unsigned int i = 0; i < d.nr && !uses; i++)
		uses = dm_line_names(&d.line[i], origin);
	harmless = has_plain_targets(&d) && (!uses || (d.read_only && is_unwritten(d.dev)));
	dm_tables_free(&d);
	return harmless;
}

static void name_holder(dev_t dev, const char *kernel_name, unsigned int others, char text[HOLDERS_TEXT])
{
	char name[DM_NAME_SIZE], more[sizeof(" and 4294967295 others")] = "";
	bool mapped;
	int room;

	if (others)
		snprintf(more, sizeof(more), " and %u other%s", others, others > 1 ? "s" : "");
	mapped = !dm_name(dev, name);
	room = HOLDERS_TEXT - 1 - strlen(mapped ? "/dev/mapper/" : "/dev/") - strlen(more);
	snprintf(text, HOLDERS_TEXT, "%s%.*s%s", mapped ? "/dev/mapper/" : "/dev/", room, mapped ? name : kernel_name, more);
}

/*
 * Returns whether the kernel is removing the mapped device.  Then nobody can open the device any
 * more, and its attributes in sysfs cannot be read.  Its target may still use the origin, for
 * example until dm-snapshot has copied the former content of blocks.
 */
static bool is_being_removed(dev_t dev)
{
	char path[64], name[DM_NAME_SIZE];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/dm/name", major(dev), minor(dev));
	return !access(path, F_OK) && blockdev_attribute(dev, "dm/name", name, sizeof(name));
}

/* Returns whether erad is removing this device of the image, and the device has no readable name any more. */
static bool is_leaving(const struct holders_own *own, dev_t dev)
{
	char name[DM_NAME_SIZE];

	return (dev == own->leaving_image || dev == own->leaving_image_origin) &&
	       blockdev_attribute(dev, "dm/name", name, sizeof(name));
}

/* Holders of one kind: how many there are, and the first of them. */
struct found {
	unsigned int nr;
	dev_t dev;
	char name[NAME_MAX + 1];	/* the kernel's name of this device */
};

static void add_holder(struct found *f, dev_t dev, const char *name)
{
	if (!f->nr++) {
		f->dev = dev;
		strcpy(f->name, name);
	}
}

/* Returns whether both are the same device, or one is the whole disk and the other its partition. */
static bool overlap(dev_t a, dev_t b)
{
	char a_disk[32], b_disk[32], partition[16];

	if (a == b)
		return true;
	return !blockdev_disk_attribute(a, "dev", a_disk, sizeof(a_disk)) &&
	       !blockdev_disk_attribute(b, "dev", b_disk, sizeof(b_disk)) && !strcmp(a_disk, b_disk) &&
	       (blockdev_attribute(a, "partition", partition, sizeof(partition)) ||
		blockdev_attribute(b, "partition", partition, sizeof(partition)));
}

/* Returns whether the loop device may write to the origin. */
static bool is_loop_on(dev_t loop, dev_t origin)
{
	char file[256], read_only[8];
	dev_t below;

	if (blockdev_attribute(loop, "loop/backing_file", file, sizeof(file)))
		return false;
	/* Look up no other path, because its file system may hang. */
	below = strncmp(file, "/dev/", strlen("/dev/")) ? 0 : blockdev_at(file);
	if (!below || !overlap(below, origin))
		return false;
	return blockdev_attribute(loop, "ro", read_only, sizeof(read_only)) || strcmp(read_only, "1") || !is_unwritten(loop);
}

static int add_loops(struct found *f, dev_t origin, struct err *err)
{
	char path[sizeof("/sys/block/") + NAME_MAX];
	struct dirent *de;
	int r = 0;
	DIR *d;

	d = opendir("/sys/block");
	while (d && (errno = 0, de = readdir(d))) {
		dev_t dev;

		if (strncmp(de->d_name, "loop", 4))
			continue;
		snprintf(path, sizeof(path), "/sys/block/%s", de->d_name);
		dev = sysfs_read_dev(path);
		if (dev && is_loop_on(dev, origin))
			add_holder(f, dev, de->d_name);
	}
	if (errno && errno != ENOENT)
		r = err_set(err, -errno, "cannot find out whether a loop device uses the origin: /sys/block: %m");
	if (d)
		closedir(d);
	return r;
}

int holders_find(dev_t origin, const struct holders_own *own, const uint8_t uuid[16], char text[HOLDERS_TEXT],
		 struct err *err)
{
	struct found others = { 0 }, removed = { 0 };
	char volume_uuid[DM_UUID_TEXT_SIZE];
	struct dev_links holder;
	bool has_image = false;
	int r;

	*text = 0;
	uuid_dm_text(uuid, volume_uuid);
	dev_links_open(&holder, origin, DEV_HOLDERS);
	while ((r = dev_links_next(&holder)) > 0) {
		if (holder.dev == own->volume)
			continue;
		if (is_of_image(holder.dev, volume_uuid))
			has_image = true;
		else if (is_leaving(own, holder.dev))
			has_image |= holder.dev == own->leaving_image_origin;
		else if (is_being_removed(holder.dev))
			add_holder(&removed, holder.dev, holder.name);
		else if (!is_harmless(holder.dev, origin))
			add_holder(&others, holder.dev, holder.name);
	}
	dev_links_close(&holder);
	if (r == -ENODEV)
		r = 0;
	if (r)
		err_set(err, r, "cannot find out who uses the origin: %s: %s", holder.path, strerror(-r));
	else
		r = add_loops(&others, origin, err);
	/*
	 * An erad that has ended may have begun to remove NAME-image, which is removed before
	 * NAME-image-origin.  If NAME-image-origin still exists, the device that is being removed is
	 * NAME-image.
	 */
	if (removed.nr && !(has_image && removed.nr == 1)) {
		add_holder(&others, removed.dev, removed.name);
		others.nr += removed.nr - 1;
	}
	if (others.nr)
		name_holder(others.dev, others.name, others.nr - 1, text);
	return r;
}

bool holders_exist(dev_t origin)
{
	char path[64];
	struct dirent *de;
	bool exist = false;
	DIR *d;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major(origin), minor(origin));
	d = opendir(path);
	while (d && !exist && (de = readdir(d)))
		exist = *de->d_name != '.';
	if (d)
		closedir(d);
	return exist;
}

bool holders_have(dev_t origin, dev_t holder)
{
	struct dev_links l;
	bool found = false;

	dev_links_open(&l, origin, DEV_HOLDERS);
	while (!found && dev_links_next(&l) > 0)
		found = l.dev == holder;
	dev_links_close(&l);
	return found;
}
