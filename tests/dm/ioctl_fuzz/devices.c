// SPDX-License-Identifier: GPL-2.0-or-later
/* The threads that load and remove tables, and that write, while the callers of ioctl_fuzz run: see devices.h. */

#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "../check.h"
#include "../dm_raw.h"
#include "devices.h"
#include "random.h"

#define NR_WRITERS	3

struct device {
	pthread_t thread;
	uint64_t rng;
	char name[16];
	char path[32];
	const char *origin, *metadata;
	_Atomic bool exists;
	_Atomic bool ended;
};

struct writer {
	pthread_t thread;
	uint64_t rng;
	_Atomic bool ended;
};

static int dm;
static _Atomic bool stop;
static struct device devices[NR_DEVICES];
static struct writer writers[NR_WRITERS];
static _Atomic unsigned long loads;

/* ---- loading and removing tables ---- */

static void load_something(struct device *d)
{
	static const char *const bad[] = {
		"", "-", "- %s", "- %s 0", "- %s 7", "%s %s 128", "- %s 128 2 uuid x", "- %s 128 2 detach_timeout 0",
		"- /dev/nothing 128 2 uuid " UUID "0", "/dev/nothing %s 128",
	};
	char params[256], format[256];

	if (one_in(&d->rng, 6)) {
		snprintf(format, sizeof(format), "%s", bad[next(&d->rng) % (sizeof(bad) / sizeof(bad[0]))]);
		for (char *at = params, *f = format;; f++) {
			if (*f == '%') {
				at += sprintf(at, "%s", d->origin);
				f++;
			} else {
				*at++ = *f;
			}
			if (!*f)
				break;
		}
	} else {
		const bool on_device = !one_in(&d->rng, 3);
		const bool times_out = one_in(&d->rng, 3);

		/*
		 * In some tables, use the origin or the UUID of the other device: the module
		 * refuses these tables.
		 */
		snprintf(params, sizeof(params), "%s %s %u %s uuid " UUID "%u", on_device ? d->metadata : "-",
			 one_in(&d->rng, 8) ? devices[0].origin : d->origin, 8u << next(&d->rng) % 12,
			 times_out ? "6" : "2", one_in(&d->rng, 8) ? 0 : (unsigned int)(d - devices));
		if (times_out)
			snprintf(params + strlen(params), sizeof(params) - strlen(params),
				 " detach_policy %s detach_timeout 1",
				 on_device && one_in(&d->rng, 2) ? "degrade" : "fail");
	}
	if (!dm_raw_load(dm, d->name, SECTORS, params))
		loads++;
}

static void *device_main(void *arg)
{
	struct device *d = arg;

	while (!stop) {
		uint32_t flags = (one_in(&d->rng, 2) ? DM_NOFLUSH_FLAG : 0) | (one_in(&d->rng, 2) ? DM_SKIP_LOCKFS_FLAG : 0);

		switch (next(&d->rng) % 16) {
		case 0:
			if (!dm_raw(dm, DM_DEV_REMOVE, d->name, 0))
				d->exists = false;
			/* fall through */
		case 1:
		case 2:
			if (!d->exists && !dm_raw_create(dm, d->name, d->path))
				d->exists = true;
			/* fall through */
		case 3:
		case 4:
			load_something(d);
			/* fall through */
		case 5:
		case 6:
			dm_raw_resume(dm, d->name);
			break;
		case 7:
			dm_raw_suspend(dm, d->name, flags);
			break;
		case 8:
			dm_raw(dm, DM_TABLE_CLEAR, d->name, 0);
			break;
		case 9:
			dm_raw_message(dm, d->name, "checkpoint");
			break;
		case 10:
			dm_raw(dm, DM_TABLE_DEPS, d->name, 0);
			break;
		default:
			dm_raw(dm, DM_TABLE_STATUS, d->name,
			       (one_in(&d->rng, 2) ? DM_STATUS_TABLE_FLAG : 0) |
			       (one_in(&d->rng, 2) ? DM_NOFLUSH_FLAG : 0) |
			       (one_in(&d->rng, 4) ? DM_QUERY_INACTIVE_TABLE_FLAG : 0));
			usleep(2000);
		}
	}
	d->ended = true;
	return NULL;
}

/* ---- the writers, whose writes the module holds ---- */

static void *writer_main(void *arg)
{
	struct writer *w = arg;
	void *buf;

	EXPECT(posix_memalign(&buf, PAGE, 64 * PAGE), 0);
	memset(buf, 0x77, 64 * PAGE);
	while (!stop) {
		struct device *d = &devices[next(&w->rng) % NR_DEVICES];
		uint64_t range[2] = { next(&w->rng) % (SECTORS / 8) * PAGE, (1 + next(&w->rng) % 64) * PAGE };
		int fd;

		usleep(1000);
		if (!d->exists)
			continue;
		fd = open(d->path, O_RDWR | O_DIRECT | O_CLOEXEC);
		if (fd < 0)
			continue;
		for (int i = 0; i < 4; i++) {
			long r;

			switch (next(&w->rng) % 4) {
			case 0:
				r = ioctl(fd, BLKDISCARD, range);
				break;
			case 1:
				r = ioctl(fd, BLKZEROOUT, range);
				break;
			default:
				r = pwrite(fd, buf, range[1], range[0]);
			}
			if (r < 0)
				break;
			range[0] = next(&w->rng) % (SECTORS / 8) * PAGE;
		}
		close(fd);
	}
	free(buf);
	w->ended = true;
	return NULL;
}

void devices_start(char *const disks[2 * NR_DEVICES], uint64_t seed)
{
	dm = dm_raw_open();
	CHECK(dm >= 0);
	for (int i = 0; i < NR_DEVICES; i++) {
		devices[i].origin = disks[2 * i];
		devices[i].metadata = disks[2 * i + 1];
	}
	for (int i = 0; i < NR_DEVICES; i++) {
		snprintf(devices[i].name, sizeof(devices[i].name), "fuzz%d", i);
		devices[i].rng = seed * 1000 + i;
		EXPECT(pthread_create(&devices[i].thread, NULL, device_main, &devices[i]), 0);
	}
	for (int i = 0; i < NR_WRITERS; i++) {
		writers[i].rng = seed * 1000 + 100 + i;
		EXPECT(pthread_create(&writers[i].thread, NULL, writer_main, &writers[i]), 0);
	}
}

/* ---- the end ---- */

uint32_t list(int control, struct erad_info *infos, uint32_t cap)
{
	struct erad_list l = { .buf = (uintptr_t)infos, .entry_size = sizeof(infos[0]), .cap = cap };

	HDR(l);
	EXPECT(call(control, ERAD_IOC_LIST, &l), 0);
	return l.nr;
}

static bool all_ended(void)
{
	for (int i = 0; i < NR_DEVICES; i++)
		if (!devices[i].ended)
			return false;
	for (int i = 0; i < NR_WRITERS; i++)
		if (!writers[i].ended)
			return false;
	return true;
}

/* Wakes all threads that wait for a held write or for a resume, until all have ended. */
static void free_all(int control)
{
	while (!all_ended()) {
		struct erad_info infos[16];
		uint32_t nr = list(control, infos, 16);

		for (uint32_t i = 0; i < nr && i < 16; i++) {
			struct erad_abort a = { .instance_id = infos[i].instance_id };

			HDR(a);
			call(control, ERAD_IOC_ABORT, &a);
		}
		for (int i = 0; i < NR_DEVICES; i++)
			if (devices[i].ended)
				dm_raw_resume(dm, devices[i].name);
		usleep(20000);
	}
}

unsigned long devices_end(int control)
{
	stop = true;
	free_all(control);
	for (int i = 0; i < NR_DEVICES; i++)
		EXPECT(pthread_join(devices[i].thread, NULL), 0);
	for (int i = 0; i < NR_WRITERS; i++)
		EXPECT(pthread_join(writers[i].thread, NULL), 0);

	for (int i = 0; i < NR_DEVICES; i++) {
		dm_raw_resume(dm, devices[i].name);
		EXPECT(dm_raw(dm, DM_DEV_REMOVE, devices[i].name, 0), devices[i].exists ? 0 : ENXIO);
	}
	return loads;
}
