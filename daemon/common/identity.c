// SPDX-License-Identifier: GPL-2.0-or-later
/* Identifies block devices: see identity.h. */
#include <blkid/blkid.h>
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-device.h>

#include "common/blockdev.h"
#include "common/size.h"
#include "common/identity.h"
#include "common/sysfs.h"

/*
 * Copies an attribute of sysfs without blanks at both ends, because disks pad their serial numbers
 * with blanks.
 */
static void copy_trimmed(char *to, size_t size, const char *kind, const char *from)
{
	size_t len;

	from += strspn(from, " \t");
	len = strlen(from);
	while (len && strchr(" \t\n", from[len - 1]))
		len--;
	if (len)
		snprintf(to, size, "%s%.*s", kind, (int)len, from);
}

/*
 * Finds an identifier that the kernel shows in sysfs, because such an identifier exists without
 * udev.  Uses the first one of the list that a disk has, so that a disk always has the same
 * identity.  If the disk has none, uses the serial number in udev's database.
 */
static void find_serial(dev_t dev, struct identity *i)
{
	static const struct {
		const char *attribute, *kind;
	} at[] = {
		{ "wwid", "wwid:" },			/* NVMe disks */
		{ "device/wwid", "wwid:" },		/* SCSI and SATA disks */
		{ "serial", "serial:" },		/* virtio disks */
		{ "device/serial", "serial:" },
		{ "device/cid", "cid:" },		/* MMC cards */
		{ "md/uuid", "md:" },
	};
	char text[128];
	const char *udev;
	sd_device *d;

	for (size_t n = 0; n < sizeof(at) / sizeof(*at) && !*i->serial; n++)
		if (!blockdev_attribute(dev, at[n].attribute, text, sizeof(text)))
			copy_trimmed(i->serial, sizeof(i->serial), at[n].kind, text);
	if (*i->serial || sd_device_new_from_devnum(&d, 'b', dev) < 0)
		return;
	if (sd_device_get_property_value(d, "ID_SERIAL", &udev) >= 0)
		copy_trimmed(i->serial, sizeof(i->serial), "udev:", udev);
	sd_device_unref(d);
}

static void find_partition(dev_t dev, dev_t disk, struct identity *i)
{
	char node[NODE_PATH_SIZE];
	const char *uuid;
	blkid_partlist list;
	blkid_partition p;
	blkid_probe pr;

	if (dm_node(disk, node))
		return;
	pr = blkid_new_probe_from_filename(node);
	if (!pr)
		return;
	list = blkid_probe_get_partitions(pr);
	p = list ? blkid_partlist_devno_to_partition(list, dev) : NULL;
	uuid = p ? blkid_partition_get_uuid(p) : NULL;
	if (uuid)
		copy_trimmed(i->part_uuid, sizeof(i->part_uuid), "", uuid);
	blkid_free_probe(pr);
}

void identity_of(dev_t dev, uint64_t nr_sectors, struct identity *out)
{
	char text[sizeof(out->dm_uuid)];
	dev_t disk;

	memset(out, 0, sizeof(*out));
	out->version = htole32(IDENTITY_VERSION);
	out->nr_sectors = htole64(nr_sectors);
	if (!blockdev_attribute(dev, "dm/uuid", text, sizeof(text)))
		copy_trimmed(out->dm_uuid, sizeof(out->dm_uuid), "", text);
	if (blkid_devno_to_wholedisk(dev, NULL, 0, &disk))
		disk = dev;
	find_serial(disk, out);
	if (disk != dev)
		find_partition(dev, disk, out);
}

/*
 * Returns how many bytes of a device-mapper UUID identify the device.  The UUID of a LUKS device is
 * the UUID of its header, followed by the device's name, which does not count.  The UUID of another
 * dm-crypt device is only a name, which anybody may change, so the result is 0.
 */
static size_t dm_uuid_length(const char *uuid)
{
	const char *end;

	if (strncmp(uuid, "CRYPT-", strlen("CRYPT-")))
		return strlen(uuid);
	if (strncmp(uuid, "CRYPT-LUKS", strlen("CRYPT-LUKS")))
		return 0;
	end = strchr(uuid + strlen("CRYPT-"), '-');
	end = end ? strchr(end + 1, '-') : NULL;
	return end ? (size_t)(end - uuid) : strlen(uuid);
}

static enum identity_match compare_one(const char *was, const char *now, size_t len_was, size_t len_now)
{
	if (!len_was || !len_now)
		return IDENTITY_UNKNOWN;
	return len_was == len_now && !strncmp(was, now, len_was) ? IDENTITY_SAME : IDENTITY_OTHER;
}

/*
 * Returns the length of the kind at the beginning of an identifier.  "wwid:eui." and "wwid:nvme."
 * are different kinds: a kernel may show another kind for the same disk if it no longer trusts an
 * identifier, for example because two disks have the same identifier.
 */
static size_t kind_length(const char *serial)
{
	const char *dot = strncmp(serial, "wwid:", strlen("wwid:")) ? NULL : strchr(serial, '.');

	return dot ? (size_t)(dot - serial) : strcspn(serial, ":");
}

/* Compares two identifiers.  Identifiers of different kinds cannot be compared. */
static enum identity_match compare_serials(const char *was, const char *now)
{
	const size_t kind = kind_length(was);

	if (kind != kind_length(now) || strncmp(was, now, kind))
		return IDENTITY_UNKNOWN;
	return compare_one(was, now, strlen(was), strlen(now));
}

enum identity_match identity_compare(const struct identity *was, const struct identity *now)
{
	const enum identity_match all[] = {
		compare_one(was->dm_uuid, now->dm_uuid, dm_uuid_length(was->dm_uuid), dm_uuid_length(now->dm_uuid)),
		compare_serials(was->serial, now->serial),
		compare_one(was->part_uuid, now->part_uuid, strlen(was->part_uuid), strlen(now->part_uuid)),
	};
	enum identity_match match = IDENTITY_UNKNOWN;

	/*
	 * sysfs always shows the UUID of a device-mapper device.  So a device without a UUID now is
	 * another device.
	 */
	if (*was->dm_uuid && !*now->dm_uuid)
		return IDENTITY_OTHER;
	for (size_t n = 0; n < sizeof(all) / sizeof(*all); n++) {
		if (all[n] == IDENTITY_OTHER)
			return IDENTITY_OTHER;
		if (all[n] == IDENTITY_SAME)
			match = IDENTITY_SAME;
	}
	return match;
}

bool identity_known(const struct identity *i)
{
	return identity_compare(i, i) == IDENTITY_SAME;
}

const char *identity_text(const struct identity *i, char buf[IDENTITY_TEXT])
{
	char size[SIZE_TEXT];

	snprintf(buf, IDENTITY_TEXT, "%s%.127s%s%.127s%s%s%.63s%s%s",
		 *i->dm_uuid ? "device-mapper UUID " : "", i->dm_uuid, *i->dm_uuid ? ", " : "",
		 i->serial, *i->serial ? ", " : "",
		 *i->part_uuid ? "partition UUID " : "", i->part_uuid, *i->part_uuid ? ", " : "",
		 size_format(size, le64toh(i->nr_sectors) * 512));
	return printable(buf);
}

/*
 * Returns the rank of a link; a larger rank is better.  Links of the ranks 0 and 1 are not used: a
 * link may lead to another device after the next boot, may change when the device gets another
 * name, or names the content of the device.
 */
static int rank(const char *path)
{
	static const struct {
		const char *prefix;
		int rank;
	} known[] = {
		{ "/dev/disk/by-id/dm-uuid-", 6 },
		{ "/dev/disk/by-id/md-uuid-", 6 },
		{ "/dev/disk/by-id/wwn-", 5 },
		{ "/dev/disk/by-id/nvme-eui.", 5 },
		{ "/dev/disk/by-id/dm-name-", 1 },
		{ "/dev/disk/by-id/md-name-", 1 },
		{ "/dev/disk/by-id/lvm-pv-uuid-", 0 },
		{ "/dev/disk/by-id/", 4 },
		{ "/dev/disk/by-partuuid/", 3 },
	};

	for (size_t n = 0; n < sizeof(known) / sizeof(*known); n++)
		if (!strncmp(path, known[n].prefix, strlen(known[n].prefix)))
			return known[n].rank;
	return 0;
}

bool identity_names_content(const char *path)
{
	return !strncmp(path, "/dev/", strlen("/dev/")) && blockdev_link_names_content(path + strlen("/dev/"));
}

static int copy_path(char *path, size_t size, const char *from)
{
	return snprintf(path, size, "%s", from) < (int)size ? 0 : -ENAMETOOLONG;
}

int identity_lasting_path(const char *given, dev_t dev, char *path, size_t size)
{
	char name[DM_NAME_SIZE], mapped[PATH_MAX], node[NODE_PATH_SIZE], best[PATH_MAX] = "";
	int best_rank = 1;
	sd_device *d;

	/* Keep a path of this kind, because somebody has chosen it on purpose. */
	if (rank(given) > 1)
		return copy_path(path, size, given);
	if (sd_device_new_from_devnum(&d, 'b', dev) >= 0) {
		for (const char *link = sd_device_get_devlink_first(d); link; link = sd_device_get_devlink_next(d)) {
			const int its = rank(link);

			/*
			 * If two links have the same rank, use the first in the alphabet, so that
			 * the choice is always the same.
			 */
			if (its < best_rank || strlen(link) >= sizeof(best) || blockdev_at(link) != dev)
				continue;
			if (its > best_rank || !*best || strcmp(link, best) < 0) {
				strcpy(best, link);
				best_rank = its;
			}
		}
		sd_device_unref(d);
	}
	if (best_rank > 1)
		return copy_path(path, size, best);
	/*
	 * Use the node in place of a link by UUID or label, because the volume, and a copy of the
	 * device, have the same UUID and label.
	 */
	if (identity_names_content(given) && !dm_node(dev, node))
		given = node;
	/* Use the name of a mapped device, because its number may change. */
	if (!strncmp(given, "/dev/dm-", strlen("/dev/dm-")) && !dm_name(dev, name)) {
		snprintf(mapped, sizeof(mapped), "/dev/mapper/%s", name);
		if (blockdev_at(mapped) == dev)
			return copy_path(path, size, mapped);
	}
	return copy_path(path, size, given);
}

void identity_complete(struct identity *now, const struct identity *was)
{
	if (!*now->serial)
		memcpy(now->serial, was->serial, sizeof(now->serial));
	if (!*now->part_uuid)
		memcpy(now->part_uuid, was->part_uuid, sizeof(now->part_uuid));
}
