// SPDX-License-Identifier: GPL-2.0-or-later
/* Wraps the module's ioctls in functions: see control.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "erad/module/control.h"

#define CONTROL_NODE	"/dev/" ERAD_CONTROL_NAME
#define EACH_STEP	8u	/* how many instances one LIST returns */

static int call_control(int fd, unsigned long nr, void *arg)
{
	return ioctl(fd, nr, arg) < 0 ? -errno : 0;
}

int control_open(int *out, struct err *err)
{
	struct erad_version v = { .h.size = sizeof(v) };
	int fd, r;

	fd = open(CONTROL_NODE, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "cannot open %s: %m%s", CONTROL_NODE,
			       errno == ENOENT || errno == ENXIO ?
			       "; the kernel module dm-erad is not loaded: run 'modprobe dm-erad' to load it" : "");
	r = call_control(fd, ERAD_IOC_VERSION, &v);
	if (r)
		err_set(err, r, "cannot get the version of the module dm-erad from %s: %s", CONTROL_NODE,
			strerror(-r));
	else if (v.abi != ERAD_ABI)
		r = err_set(err, -EPROTO,
			    "the module dm-erad has protocol version %u, this erad expected %u; reboot, or install the version of erad that belongs to this module",
			    v.abi, ERAD_ABI);
	if (r) {
		close(fd);
		return r;
	}
	*out = fd;
	return 0;
}

static int list_after(int control, uint64_t after, struct erad_info *info, uint32_t cap, uint32_t *nr)
{
	struct erad_list a = {
		.h.size = sizeof(a),
		.buf = (uintptr_t)info,
		.entry_size = sizeof(*info),
		.cap = cap,
		.after = after,
	};
	int r = call_control(control, ERAD_IOC_LIST, &a);

	*nr = a.nr;
	return r;
}

int control_each(int control, void (*fn)(void *ctx, const struct erad_info *i), void *ctx)
{
	/* An older module fills in only the first part of each entry, so clear the entries. */
	struct erad_info info[EACH_STEP] = { 0 };
	uint64_t after = 0;
	uint32_t nr;

	do {
		int r = list_after(control, after, info, EACH_STEP, &nr);

		if (r)
			return r;
		for (uint32_t n = 0; n < nr && n < EACH_STEP; n++) {
			after = info[n].instance_id;
			fn(ctx, &info[n]);
		}
	} while (nr > EACH_STEP);
	return 0;
}

int control_count(int control, uint32_t *nr)
{
	return list_after(control, 0, NULL, 0, nr);
}

int control_list(int control, struct instances *l)
{
	for (;;) {
		struct erad_info *info;
		uint32_t nr;
		int r;

		r = list_after(control, 0, l->info, l->cap, &nr);
		if (r)
			return r;
		if (nr <= l->cap) {
			l->nr = nr;
			return 0;
		}
		info = realloc(l->info, (nr + EACH_STEP) * sizeof(*info));
		if (!info)
			return -ENOMEM;
		memset(info, 0, (nr + EACH_STEP) * sizeof(*info));
		l->info = info;
		l->cap = nr + EACH_STEP;
	}
}

void instances_free(struct instances *l)
{
	free(l->info);
	*l = (struct instances){ 0 };
}

int control_attach(int control, uint64_t instance_id, int *fd)
{
	struct erad_attach a = { .h.size = sizeof(a), .instance_id = instance_id };
	int r = call_control(control, ERAD_IOC_ATTACH, &a);

	if (!r)
		*fd = a.fd;
	return r;
}

int control_abort(int control, uint64_t instance_id)
{
	struct erad_abort a = { .h.size = sizeof(a), .instance_id = instance_id };

	return call_control(control, ERAD_IOC_ABORT, &a);
}

int instance_info(int fd, struct erad_info *info)
{
	*info = (struct erad_info){ .h.size = sizeof(*info) };
	return call_control(fd, ERAD_IOC_INFO, info);
}

int instance_ready(int fd, uint32_t era, const void *record, uint64_t sector)
{
	struct erad_ready a = {
		.h.size = sizeof(a), .era = era,
		.record = (uintptr_t)record, .record_sector = sector,
	};

	return call_control(fd, ERAD_IOC_READY, &a);
}

int instance_prepare_era(int fd, uint32_t to)
{
	struct erad_prepare a = { .h.size = sizeof(a), .to = to };

	return call_control(fd, ERAD_IOC_PREPARE_ERA, &a);
}

int instance_new_era(int fd, uint32_t from, uint32_t to, uint32_t drain_ms)
{
	struct erad_newera a = {
		.h.size = sizeof(a), .from = from, .to = to, .drain_ms = drain_ms,
	};

	return call_control(fd, ERAD_IOC_NEW_ERA, &a);
}

int instance_commit_fetch(int fd, struct erad_xfer *x)
{
	x->h = (struct erad_hdr){ .size = sizeof(*x) };
	return call_control(fd, ERAD_IOC_COMMIT_FETCH, x);
}

int instance_usage(int fd, uint64_t used, uint64_t total, uint32_t snapshot_era)
{
	struct erad_usage a = {
		.h.size = sizeof(a), .used = used, .total = total, .held_root = snapshot_era,
	};

	return call_control(fd, ERAD_IOC_USAGE, &a);
}

int instance_stats(int fd, struct erad_stats *stats)
{
	*stats = (struct erad_stats){ .h.size = sizeof(*stats) };
	return call_control(fd, ERAD_IOC_STATS, stats);
}

int instance_message_get(int fd, struct erad_message *m)
{
	*m = (struct erad_message){ .h.size = sizeof(*m) };
	return call_control(fd, ERAD_IOC_MESSAGE_GET, m);
}

int instance_message_reply(int fd, uint64_t id, int result, uint32_t era)
{
	struct erad_reply a = { .h.size = sizeof(a), .id = id, .status = -result, .era = era };

	return call_control(fd, ERAD_IOC_MESSAGE_REPLY, &a);
}
