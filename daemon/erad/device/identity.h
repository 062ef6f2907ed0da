/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which block device a device is, in words that stay the same over a reboot: its identity, and its lasting path.
 *
 * What a device contains (a file system's UUID or label) is no part of the identity: a copy has the same.
 */
#ifndef ERAD_IDENTITY_H
#define ERAD_IDENTITY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/types.h>

#include "common/err.h"

/* As in the metadata.  Strings end with a 0; "" means that the device has no such thing. */
struct identity {
	__le32 version;		/* IDENTITY_VERSION; 0: there is no identity */
	__le32 pad;
	__le64 nr_sectors;	/* of 512 bytes; a device that has grown is the same */
	char dm_uuid[128];	/* of device-mapper */
	char serial[128];	/* "wwid:…", "serial:…": the kind, and what the disk says of itself; of a partition, that of its disk */
	char part_uuid[64];	/* from the partition table */
	__u8 zero[176];
};

#define IDENTITY_VERSION	1u

_Static_assert(sizeof(struct identity) == 512, "one sector");

enum identity_match {
	IDENTITY_SAME,
	IDENTITY_OTHER,
	IDENTITY_UNKNOWN,	/* they have nothing in common that could tell */
};

/*
 * From sysfs, libblkid, and udev's database where sysfs has no serial number.  Never fails: what cannot be found out
 * is empty.
 */
void identity_of(dev_t dev, uint64_t nr_sectors, struct identity *out);

/* Whether `now` is the device that `was` is the identity of. */
enum identity_match identity_compare(const struct identity *was, const struct identity *now);

#define IDENTITY_TEXT	400

/* "serial disk7, partition 6b1f…, 1 GiB"; returns buf.  Control characters are replaced. */
const char *identity_text(const struct identity *i, char buf[IDENTITY_TEXT]);

/*
 * The path for a device in eratab that names it after the next boot too, where the device was given as `given`: a link in
 * /dev/disk/by-id or by-partuuid, or /dev/mapper/NAME.  `given` itself if it is such a path, or if there is none.  The path
 * leads to dev now.  -ENAMETOOLONG.
 */
int identity_lasting_path(const char *given, dev_t dev, char *path, size_t size);

/*
 * Takes from was what cannot be seen now, for example because udev does not run yet.  Both are the same device.
 */
void identity_complete(struct identity *now, const struct identity *was);

#endif /* ERAD_IDENTITY_H */
