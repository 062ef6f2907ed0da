/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds reasons to refuse a device: it is in use, or it is below or above the wrong device. */
#ifndef ERAD_PROBE_H
#define ERAD_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

/*
 * Looks up a block device by its path.  ENOTBLK: the path leads to something else.  EROFS: the
 * device is read-only.
 */
int probe_device(const char *path, dev_t *dev, uint64_t *nr_sectors, struct err *err);

/* Returns the size of the device's sectors in bytes.  A volume must have a whole number of these sectors. */
int probe_sector_size(const char *path, unsigned int *bytes, struct err *err);

/*
 * Returns whether the device or one of its partitions is mounted, is swap space, or is held by
 * another device; `who` then says which.  If path is not NULL, also returns true if a program has
 * opened the device exclusively.
 */
bool probe_in_use(dev_t dev, const char *path, struct err *who);

/*
 * Returns EINVAL if the metadata would be lost in a reboot: if it is in memory (also below loop
 * devices and the like), or below /tmp, /run or /dev.  If the metadata file does not exist yet, its
 * directory is examined.  If the environment variable ERAD_VOLATILE_METADATA is set, nothing is
 * refused.
 */
int probe_lasting(const char *metadata, struct err *err);

/*
 * Returns EDEADLK if the metadata is on the tracked device, whose writes would wait for themselves,
 * or if the tracked device is on the metadata.  If the file at path does not exist yet, its
 * directory is examined.
 */
int probe_apart(const char *metadata, const char *origin_path, dev_t origin, struct err *err);

#endif /* ERAD_PROBE_H */
