// SPDX-License-Identifier: GPL-2.0-or-later
/* Compares the counters of a mapped device over a time without its target: see away.h. */
#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "erad/base/log.h"
#include "erad/device/dm.h"
#include "erad/volume/away.h"
#include "erad/volume/origin.h"
#include "erad/volume/volume.h"
#include "store/history.h"

static uint64_t diskseq_of(dev_t dev)
{
	char text[32];

	return blockdev_attribute(dev, "diskseq", text, sizeof(text)) ? 0 : strtoull(text, NULL, 10);
}

static void fill_counters(struct away *a, uint64_t diskseq, uint64_t written)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	memset(a, 0, sizeof(*a));
	a->version = htole32(AWAY_VERSION);
	a->diskseq = htole64(diskseq);
	a->written = htole64(written);
	if (fd < 0)
		return;
	if (read(fd, a->boot, sizeof(a->boot) - 1) > 0)
		a->boot[strcspn(a->boot, "\n")] = 0;
	close(fd);
}

void away_leave(struct volume *v)
{
	struct erad_info i;

	/* The ioctl also answers for a target that is removed. */
	instance_info(v->fd, &i);
	if (i.status & ERAD_RESUMED)
		return;
	fill_counters(&v->left, v->diskseq, i.written_suspended);
}

void away_stay(struct volume *v)
{
	v->diskseq = diskseq_of(makedev(v->info.dev_major, v->info.dev_minor));
	v->left.version = 0;
}

int away_arrive(struct volume *v, struct err *err)
{
	const uint64_t diskseq = diskseq_of(makedev(v->info.dev_major, v->info.dev_minor));
	struct away was = v->left, now;
	char detail[ERAD_GAP_DETAIL + 1];
	int r = 0;

	v->diskseq = diskseq;
	if (!was.version)
		store_item(v->store, STORE_AWAY, (uint8_t *)&was);
	if (!was.version)
		return 0;
	fill_counters(&now, diskseq, v->info.written_resumed);
	if (strcmp(was.boot, now.boot) || was.diskseq != now.diskseq)
		snprintf(detail, sizeof(detail), "the target was out of its table, and the device is another one now");
	else if (le64toh(was.written) == ERAD_WRITTEN_UNKNOWN || le64toh(now.written) == ERAD_WRITTEN_UNKNOWN)
		snprintf(detail, sizeof(detail), "the target was out of its table, and the device has no counters of writes");
	else if (was.written != now.written)
		snprintf(detail, sizeof(detail), "%" PRIu64 " sectors were written while the target was out of its table",
			 le64toh(now.written) - le64toh(was.written));
	else
		*detail = 0;
	if (*detail)
		r = origin_gap(v, ERAD_GAP_TABLE, detail, err);
	return r;
}

bool away_lives_on(const struct volume *v)
{
	return v->dev && dm_lives(v->dev) && diskseq_of(v->dev) == v->diskseq;
}

int away_close(struct volume *v, struct store *s, struct err *err)
{
	const struct away left = v->left;
	int r = 0;

	log_warn("volume %s: its target was taken out of the table of a device that lives on; what is written to the device now is not recorded",
		 v->name);
	if (left.version)
		r = store_set_item(s, STORE_AWAY, (const uint8_t *)&left, err);
	store_close(s, false, NULL);
	return r;
}
