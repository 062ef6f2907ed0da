/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reasons to refuse a device: somebody uses it, it stands on the wrong one. */
#ifndef ERAD_PROBE_H
#define ERAD_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

/* A block device by its path; ENOTBLK if it is something else, EROFS if it is read-only. */
int probe_device(const char *path, dev_t *dev, uint64_t *nr_sectors, struct err *err);

/* The size of the device's sectors in bytes, of which a volume has a whole number. */
int probe_sector_size(const char *path, unsigned int *bytes, struct err *err);

/*
 * Whether the device or a partition of it is mounted, swap, or held by
 * another device; who says by whom.  With a path also whether somebody has
 * opened it exclusively.
 */
bool probe_in_use(dev_t dev, const char *path, struct err *who);

/*
 * Refuses (EINVAL) metadata that would be gone after a reboot: in memory, be it
 * through loop devices and the like, or below /tmp, /run or /dev.  metadata may be
 * a file that does not exist yet: then its directory counts.  Where
 * ERAD_VOLATILE_METADATA is in the environment, nothing is refused.
 */
int probe_lasting(const char *metadata, struct err *err);

/*
 * Refuses (EDEADLK) metadata that stands on the tracked device, whose writes
 * would wait for themselves, and metadata that the tracked device stands on.
 * path may be a file that does not exist yet: then its directory counts.
 */
int probe_apart(const char *metadata, const char *origin_path, dev_t origin, struct err *err);

#endif /* ERAD_PROBE_H */
