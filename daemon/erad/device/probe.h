/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds reasons to refuse a device: the device is in use, or metadata and tracked device depend on
 * each other.
 */
#ifndef ERAD_PROBE_H
#define ERAD_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/eratab.h"
#include "common/err.h"

/*
 * Looks up a block device by its path.  *dev receives its number, and *nr_sectors its length in
 * sectors of 512 bytes.  ENOTBLK: the path leads to something else.  EROFS: the device is
 * read-only.
 */
int probe_device(const char *path, dev_t *dev, uint64_t *nr_sectors, struct err *err);

/*
 * Sets *bytes to the size of a logical sector of the device.  The length of a volume must be a
 * multiple of this size.
 */
int probe_sector_size(const char *path, unsigned int *bytes, struct err *err);

/*
 * Returns whether the device or one of its partitions is mounted, is swap space, or is used by
 * another device.  If so, `who` names the user.  If path, the node of the device, is not NULL, also
 * returns true if a program or the kernel has opened the device exclusively.
 */
bool probe_in_use(dev_t dev, const char *path, struct err *who);

enum probe_user {
	PROBE_UNUSED,
	/* Only a process of eractl uses the device, and only reads it: see common/reader_lock.h. */
	PROBE_READER,
	PROBE_USED,
};

/* Finds the user as probe_in_use() does, and says what the user may do. */
enum probe_user probe_user(dev_t dev, const char *path, struct err *who);

/*
 * Returns EINVAL if a reboot would destroy the metadata: it is in memory, directly or through a
 * loop device, or it is a file somewhere below /tmp, /run or /dev.  If the metadata file does not
 * exist yet, examines its directory.  If ERAD_VOLATILE_METADATA is set in the environment, returns
 * 0.
 */
int probe_lasting(const char *metadata, struct err *err);

/*
 * Returns EDEADLK if the metadata is on the tracked device, because a write would then wait for
 * itself, or if the tracked device is on the metadata.  If the metadata file does not exist yet,
 * examines its directory.
 */
int probe_apart(const char *metadata, const char *origin_path, dev_t origin, struct err *err);

/*
 * Checks where the copy-on-write store of a volume's image would lie.  EDEADLK: the store would lie
 * on the volume, so that a write to the volume waits for itself; or the origin lies on the store;
 * or the store would lie on another volume of erad.  The metadata of the other volume, or the store
 * of its image, may lie on this volume.  Then writes to the two volumes would wait for each other.
 * path: the block device or file of the store, or the directory of the file.
 */
int probe_store_apart(const char *path, const char *origin_path, dev_t origin, struct err *err);

/*
 * Returns EINVAL if the metadata lies on a logical volume of the volume group that is tracked.  At
 * boot, the metadata would wait for the volume group, and the volume group for the metadata.
 * lv_uuid: the device-mapper UUID of any logical volume of the volume group, or the part that all
 * of them share.
 */
int probe_other_vg(const char *metadata, const char *lv_uuid, struct err *err);

/*
 * Returns EOPNOTSUPP if the root file system, /usr or swap space in use lies on a logical volume of
 * the volume group.  The initramfs activates this volume group, and erad does not run in the
 * initramfs.  err names the logical volume.  lv_uuid: as for probe_other_vg().  Writes nothing.
 */
int probe_boot_vg(const char *lv_uuid, struct err *err);

/*
 * Returns EDEADLK if the new volume and another volume would depend on each other: the metadata of
 * the new volume lies on the other volume, and the metadata of the other volume lies on the device
 * to be tracked.  There may be further volumes in between.  A write to each of these volumes would
 * wait for a write to the next one, and no write would complete.  tab: all volumes.  err names the
 * other volume.
 */
int probe_cycle(const struct eratab *tab, const char *metadata, const char *origin_path, dev_t origin, struct err *err);

#endif /* ERAD_PROBE_H */
