/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls device-mapper's ioctls one by one, for tests that must know which call fails.  The node of
 * a device is /dev/dm-MINOR.
 */
#ifndef ERAD_TESTS_DM_RAW_H
#define ERAD_TESTS_DM_RAW_H

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

struct dm_raw {
	struct dm_ioctl h;
	char data[4096];
};

static inline int dm_raw_open(void)
{
	return open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
}

static inline void dm_raw_init(struct dm_raw *q, const char *name, uint32_t flags)
{
	memset(q, 0, sizeof(*q));
	q->h.version[0] = DM_VERSION_MAJOR;
	q->h.data_size = sizeof(*q);
	q->h.data_start = offsetof(struct dm_raw, data);
	q->h.flags = flags;
	snprintf(q->h.name, sizeof(q->h.name), "%s", name);
}

/* Calls an ioctl of device-mapper.  Returns 0, or a positive errno. */
static inline int dm_raw_call(int fd, unsigned long cmd, struct dm_raw *q)
{
	return ioctl(fd, cmd, q) ? errno : 0;
}

static inline int dm_raw(int fd, unsigned long cmd, const char *name, uint32_t flags)
{
	struct dm_raw q;

	dm_raw_init(&q, name, flags);
	return dm_raw_call(fd, cmd, &q);
}

/*
 * Creates the device without a table. Returns 0, and the path of the node in path, or a positive
 * errno.
 */
static inline int dm_raw_create(int fd, const char *name, char path[32])
{
	struct dm_raw q;
	int r;

	dm_raw_init(&q, name, 0);
	r = dm_raw_call(fd, DM_DEV_CREATE, &q);
	if (!r)
		snprintf(path, 32, "/dev/dm-%u", minor(q.h.dev));
	return r;
}

/* Fills in the request to load a table of one target. */
static inline void dm_raw_table(struct dm_raw *q, const char *name, uint64_t sectors, const char *type,
				const char *params)
{
	struct dm_target_spec *spec;

	dm_raw_init(q, name, 0);
	q->h.target_count = 1;
	spec = (struct dm_target_spec *)q->data;
	spec->length = sectors;
	snprintf(spec->target_type, sizeof(spec->target_type), "%s", type);
	snprintf(q->data + sizeof(*spec), sizeof(q->data) - sizeof(*spec), "%s", params);
}

static inline int dm_raw_load(int fd, const char *name, uint64_t sectors, const char *params)
{
	struct dm_raw q;

	dm_raw_table(&q, name, sectors, "erad", params);
	return dm_raw_call(fd, DM_TABLE_LOAD, &q);
}

static inline int dm_raw_suspend(int fd, const char *name, uint32_t flags)
{
	return dm_raw(fd, DM_DEV_SUSPEND, name, DM_SUSPEND_FLAG | flags);
}

static inline int dm_raw_resume(int fd, const char *name)
{
	return dm_raw(fd, DM_DEV_SUSPEND, name, 0);
}

static inline int dm_raw_message(int fd, const char *name, const char *message)
{
	struct dm_target_msg *msg;
	struct dm_raw q;

	dm_raw_init(&q, name, 0);
	msg = (struct dm_target_msg *)q.data;
	snprintf(msg->message, sizeof(q.data) - sizeof(*msg), "%s", message);
	return dm_raw_call(fd, DM_TARGET_MSG, &q);
}

#endif /* ERAD_TESTS_DM_RAW_H */
