// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's counters of what was written to an origin: see origin_count.h. */
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/blockdev.h"
#include "erad/device/origin_count.h"

void origin_count_read(dev_t dev, struct origin_count *out)
{
	char stat[512], text[32];
	uint64_t written, discarded;

	memset(out, 0, sizeof(*out));
	if (blockdev_disk_attribute(dev, "queue/iostats", text, sizeof(text)) || !strcmp(text, "0"))
		return;
	/* Documentation/block/stat.rst of the kernel: 17 numbers, of which these are the 7th and the 14th. */
	if (blockdev_attribute(dev, "stat", stat, sizeof(stat)) ||
	    sscanf(stat, "%*u %*u %*u %*u %*u %*u %" SCNu64 " %*u %*u %*u %*u %*u %*u %" SCNu64, &written, &discarded) != 2)
		return;
	out->known = htole32(1);
	out->major = htole32(major(dev));
	out->minor = htole32(minor(dev));
	if (!blockdev_disk_attribute(dev, "diskseq", text, sizeof(text)))
		out->diskseq = htole64(strtoull(text, NULL, 10));
	out->sectors = htole64(written + discarded);
}

bool origin_count_comparable(const struct origin_count *was, const struct origin_count *now)
{
	return was->known && now->known && was->major == now->major && was->minor == now->minor &&
		was->diskseq == now->diskseq;
}
