/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The content identity of a device: which file system, LUKS header, physical volume, md member, swap
 * area or partition table is at the start of the device, and its UUID.  It stays the same as long as
 * nobody formats the device or gives it a new UUID, however much is written to the device.  A
 * copy of the device has the same content identity, so common/identity.h does not use it.
 *
 * libblkid is not used here.  libblkid ignores a superblock with a wrong checksum, and the
 * superblock of a mounted file system may have a wrong checksum for a moment.
 */
#ifndef ERAD_CONTENT_ID_H
#define ERAD_CONTENT_ID_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/types.h>

/*
 * The numbers are part of the format on disk.  A new kind changes what devices with CONTENT_NONE
 * have, so a version that adds a kind must not compare with the CONTENT_NONE of older versions.
 */
enum content_kind {
	CONTENT_NOT_READ = 0,		/* no content identity is known; never compared */
	CONTENT_NONE = 1,		/* nothing was recognized */
	CONTENT_LUKS = 2,
	CONTENT_XFS = 3,
	CONTENT_BTRFS = 4,
	CONTENT_EXT = 5,		/* ext2 to ext4 */
	CONTENT_F2FS = 6,
	CONTENT_PV = 7,			/* a physical volume of LVM */
	CONTENT_MD = 8,			/* a member of an md array, with metadata 1.1 or 1.2 */
	CONTENT_SWAP = 9,
	CONTENT_GPT = 10,
	CONTENT_EXFAT = 11,
	CONTENT_NTFS = 12,
	CONTENT_FAT = 13,
	CONTENT_MBR = 14,		/* a partition table of MS-DOS, or a boot sector */
	NR_CONTENT_KINDS
};

struct content_id {
	__le32 kind;			/* a value of enum content_kind */
	__u8 id[16];			/* the UUID; of a longer text: its first 8 bytes and a hash */
};

/*
 * Reads the content identity from the first bytes of the device.  fd: from seal_open().  Returns 0, or
 * a negative errno if the device cannot be read.
 */
int content_id_read(int fd, struct content_id *out);

/* Returns whether both are known, and differ. */
bool content_id_differs(const struct content_id *a, const struct content_id *b);

#define CONTENT_ID_TEXT	40

/* Writes to buf a text such as "ext4 with UUID 0fa31b77…".  Returns buf. */
const char *content_id_text(const struct content_id *c, char buf[CONTENT_ID_TEXT]);

#endif /* ERAD_CONTENT_ID_H */
