/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Identifies block devices by two things that stay the same after a reboot: the identity of a
 * device, and its lasting path.  The identity does not include the content of the device, for
 * example the UUID of a file system, because a copy of the device has the same content.
 */
#ifndef ERAD_IDENTITY_H
#define ERAD_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/types.h>

#include "common/err.h"

/* The layout in the metadata.  Strings end with a 0; "": the device has no such property. */
struct identity {
	__le32 version;		/* IDENTITY_VERSION; 0: there is no identity */
	__le32 pad;
	__le64 nr_sectors;	/* size in sectors of 512 bytes; the same device may have grown */
	char dm_uuid[128];	/* UUID of a device-mapper device */
	/*
	 * "KIND:IDENTIFIER", for example "wwid:…" or "serial:…".  A partition has the value of its
	 * disk.
	 */
	char serial[128];
	char part_uuid[64];	/* UUID of a partition, from the partition table */
	__u8 zero[176];
};

#define IDENTITY_VERSION	1u

_Static_assert(sizeof(struct identity) == 512, "one sector");

enum identity_match {
	IDENTITY_SAME,
	IDENTITY_OTHER,
	/* The identities have no property in common, so they cannot be compared. */
	IDENTITY_UNKNOWN,
};

/*
 * Reads the identity from sysfs and libblkid.  If sysfs shows no serial number, also reads udev's
 * database.  nr_sectors: the size of the device.  Never fails: a property that cannot be read is
 * empty.
 */
void identity_of(dev_t dev, uint64_t nr_sectors, struct identity *out);

/*
 * Compares the identity `was`, which a device had earlier, with the identity `now` of a device:
 * finds out whether both are of the same device.
 */
enum identity_match identity_compare(const struct identity *was, const struct identity *now);

/*
 * Returns whether the device has a property that distinguishes it from another device of the same
 * size.  A loop device has none.
 */
bool identity_known(const struct identity *i);

#define IDENTITY_TEXT	400

/*
 * Writes to buf a text such as "serial:disk7, partition UUID 6b1f…, 1 GiB", with control characters
 * replaced.  Returns buf.
 */
const char *identity_text(const struct identity *i, char buf[IDENTITY_TEXT]);

/*
 * Finds a path for eratab that leads to dev now, and also to the same device after the next boot,
 * if there is such a path.  given: the path that the user has given.  ENAMETOOLONG: the result does
 * not fit into size bytes.
 *
 * The result is a link in /dev/disk/by-id or by-partuuid: `given` itself, if it is such a link.
 * Links in by-id that begin with dm-name-, md-name- or lvm-pv-uuid- are not used.  If there is no
 * other link, the result is `given`, with two exceptions.  First, a link by UUID or label is
 * replaced by the node of the device, because the link leads to the volume while the volume is
 * open.  Second, the node of a mapped device is replaced by /dev/mapper/NAME.
 */
int identity_lasting_path(const char *given, dev_t dev, char *path, size_t size);

/* Returns whether the path is a link by UUID or label.  udev hides these links of an origin. */
bool identity_names_content(const char *path);

/*
 * Copies the serial number and the UUID of the partition from `was`, if `now` does not have them,
 * for example because udev does not run yet.  Both must be identities of the same device.
 */
void identity_complete(struct identity *now, const struct identity *was);

#endif /* ERAD_IDENTITY_H */
