/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's counters of all writes to an origin, by whatever program.
 *
 * The kernel counts the sectors that are written to a device or discarded on it, until the device
 * is removed or the machine reboots.  When the kernel reads a partition table again, it removes the
 * partitions and makes new ones.  The kernel does not count:
 *
 * - writes to a partition, through its whole disk or through another partition;
 * - writes below the device, for example to the disks of an LV;
 * - writes to a device whose driver keeps no counters (brd);
 * - commands that a program sends to the disk itself (SG_IO, NVMe passthrough);
 * - writes of another machine, or of another system while this one hibernates;
 * - writes while queue/iostats is 0, except as blockdev_counters_off() says.
 */
#ifndef ERAD_ORIGIN_COUNT_H
#define ERAD_ORIGIN_COUNT_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/table_state.h"

/* Reads the counters of dev from sysfs. */
void origin_count_read(dev_t dev, struct origin_count *out);

/*
 * Returns whether the counters of dev have counted writes to its present content only.  Returns
 * false for a loop or nbd device, and for a disk whose medium can be changed: the counters of these
 * devices go on when the devices get another file or medium, so the counters may have counted
 * writes to the former file or medium.  The counters of all other devices begin with 0 when the
 * kernel finds the device or, like those of a mapped device, when the device is created.
 */
bool origin_count_is_of_content(dev_t dev);

/* Returns whether both counts are of the same device, provided that they are of the same boot. */
bool origin_count_comparable(const struct origin_count *was, const struct origin_count *now);

/*
 * Returns whether the device was written between the two counts, which are of the same boot.  Returns
 * false if they are not comparable.
 */
bool origin_count_written(const struct origin_count *was, const struct origin_count *now);

/*
 * Returns whether dev, of which `now` was just read, has appeared later than the device of `was` in the
 * same boot, and was written since.  This is the case if an origin was removed, appeared again, and
 * was then written.  A device that appears later has a higher diskseq.  Returns false if this is not
 * known.
 */
bool origin_count_written_anew(const struct origin_count *was, const struct origin_count *now, dev_t dev);

#endif /* ERAD_ORIGIN_COUNT_H */
