// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the kernel's counters of writes to an origin: see origin_count.h. */
#include <endian.h>
#include <inttypes.h>
#include <linux/major.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/blockdev.h"
#include "common/origin_count.h"

void origin_count_read(dev_t dev, struct origin_count *out)
{
	char diskseq[32], stat[512];
	uint64_t written, discarded;

	memset(out, 0, sizeof(*out));
	if (blockdev_counters_off(dev))
		return;
	/*
	 * The file has 17 numbers; see Documentation/block/stat.rst of the kernel.  The 7th is the
	 * number of sectors written, the 14th of sectors discarded.
	 */
	if (blockdev_attribute(dev, "stat", stat, sizeof(stat)) ||
	    sscanf(stat, "%*u %*u %*u %*u %*u %*u %" SCNu64 " %*u %*u %*u %*u %*u %*u %" SCNu64, &written, &discarded) != 2)
		return;
	out->known = htole32(1);
	out->major = htole32(major(dev));
	out->minor = htole32(minor(dev));
	if (!blockdev_disk_attribute(dev, "diskseq", diskseq, sizeof(diskseq)))
		out->diskseq = htole64(strtoull(diskseq, NULL, 10));
	out->sectors = htole64(written + discarded);
}

bool origin_count_is_of_content(dev_t dev)
{
	char disk[32], removable[32];
	unsigned int disk_major;

	return !blockdev_disk_attribute(dev, "dev", disk, sizeof(disk)) && sscanf(disk, "%u:", &disk_major) == 1 &&
		disk_major != LOOP_MAJOR && disk_major != NBD_MAJOR &&
		!blockdev_disk_attribute(dev, "removable", removable, sizeof(removable)) && !strcmp(removable, "0");
}

bool origin_count_comparable(const struct origin_count *was, const struct origin_count *now)
{
	return was->known && now->known && was->major == now->major && was->minor == now->minor &&
		was->diskseq == now->diskseq;
}

bool origin_count_written(const struct origin_count *was, const struct origin_count *now)
{
	return origin_count_comparable(was, now) && was->sectors != now->sectors;
}

bool origin_count_written_anew(const struct origin_count *was, const struct origin_count *now, dev_t dev)
{
	return was->known && was->diskseq && now->known && now->sectors &&
		le64toh(now->diskseq) > le64toh(was->diskseq) && origin_count_is_of_content(dev);
}
