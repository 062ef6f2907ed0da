/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much was written to an origin, by anybody, as the kernel counts it.
 *
 * The kernel counts the sectors that are written to or discarded on a device, until the device is removed or the machine
 * boots.  Not counted: what is written to a partition through its whole disk or through another partition; what is
 * written below the device (to the disks of an LV); writes to drivers that keep no counters (brd), and while
 * queue/iostats is 0.
 */
#ifndef ERAD_ORIGIN_COUNT_H
#define ERAD_ORIGIN_COUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/types.h>

/* As in the metadata. */
struct origin_count {
	__le32 known;		/* 0: there are no counters, and the rest is zero */
	__le32 major, minor;
	__le32 pad;
	__le64 diskseq;		/* sequence number of the device, or of its whole disk: no other disk of this boot has this number */
	__le64 sectors;		/* written and discarded */
};

_Static_assert(sizeof(struct origin_count) == 32, "no padding");

/* Reads the counters from sysfs. */
void origin_count_read(dev_t dev, struct origin_count *out);

/* Whether the counters are of the same device, if they are of the same boot. */
bool origin_count_comparable(const struct origin_count *was, const struct origin_count *now);

#endif /* ERAD_ORIGIN_COUNT_H */
