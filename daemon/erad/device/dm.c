// SPDX-License-Identifier: GPL-2.0-or-later
/* Uses libdevmapper for the mapped devices of volumes and of images: see dm.h. */
#include <errno.h>
#include <fcntl.h>
#include <libdevmapper.h>
#include <linux/dm-ioctl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/dm_tables.h"
#include "common/uuid.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/device/dm.h"
#include "erad/device/probe.h"

/*
 * Limits for the removal of a device whose opener is not known, as numbers of attempts: when udev
 * processes no event, and when udev still processes events.
 */
#define REMOVE_TRIES		15
#define REMOVE_TRIES_UDEV	80
#define REMOVE_PAUSE_MS		100
/*
 * Limit for udev's processing of one event, which may never end, for example if a worker of udev is
 * killed.
 */
#define UDEV_MS			60000
#define UDEV_PAUSE_MS		5

/*
 * Protects the global state of libdevmapper.  While this lock is held, only the log's lock is
 * taken.  No thread waits for udev under this lock, so a slow udev rule for one volume delays no
 * other volume.  Nor does a thread of erad wait for I/O under this lock: dm_child.h has the calls that may
 * wait.
 */
static pthread_mutex_t dm_lock = PTHREAD_MUTEX_INITIALIZER;

static char complaint[256];	/* dm_lock; the last message of libdevmapper */

__attribute__((format(printf, 5, 6)))
static void keep_message(int level, const char *file, int line, int errno_or_class, const char *fmt, ...)
{
	va_list ap;

	(void)file;
	(void)line;
	(void)errno_or_class;
	/* The low three bits of level are the priority: 3 is an error, 2 a fatal error. */
	if ((level & 7) > 3)
		return;
	va_start(ap, fmt);
	vsnprintf(complaint, sizeof(complaint), fmt, ap);
	va_end(ap);
}

void dm_setup(void)
{
	dm_log_with_errno_init(keep_message);
	dm_hold_control_dev(1);
}

/* Makes an error of a failed task, with the last message of libdevmapper.  Context: dm_lock. */
static int task_failed(struct dm_task *t, const char *what, const char *name, struct err *err)
{
	int code = t ? dm_task_get_errno(t) : ENOMEM;

	if (!code)
		code = EIO;
	return err_set(err, -code, "cannot %s /dev/mapper/%s: %s%s%s%s", what, name,
		       strerror(code), *complaint ? " (" : "", complaint,
		       *complaint ? ")" : "");
}

static void format_table(const struct dm_table *t, char *text, size_t size)
{
	char meta[32] = "-";
	char uuid[UUID_TEXT_SIZE];
	int n;

	if (t->metadata)
		snprintf(meta, sizeof(meta), "%u:%u", major(t->metadata), minor(t->metadata));
	n = snprintf(text, size, "%s %u:%u %u %d uuid %s", meta,
		     major(t->origin), minor(t->origin), t->block_sectors,
		     2 + (t->policy ? 2 : 0) + (t->detach_timeout ? 2 : 0),
		     uuid_text(t->uuid, uuid));
	if (t->policy)
		n += snprintf(text + n, size - n, " detach_policy %s", detach_policy_name[t->policy]);
	if (t->detach_timeout)
		snprintf(text + n, size - n, " detach_timeout %u", t->detach_timeout);
}

/*
 * Waits until udev has processed the event of a task, so that the links of the device are right.
 * cookie: libdevmapper's semaphore, which udev's rules release at the end of the event.
 */
static void await_udev(uint32_t cookie, const char *name)
{
	const uint64_t end = thread_now_ms() + UDEV_MS;
	bool late = false;
	int ready;

	while (dm_udev_wait_immediate(cookie, &ready) && !ready && !late) {
		late = thread_now_ms() >= end;
		if (!late) {
			usleep(UDEV_PAUSE_MS * 1000);
			continue;
		}
		log_warn("udev has not processed an event of /dev/mapper/%s within %d seconds, so links to the device may be missing or old; 'udevadm trigger --settle' makes them again",
			 name, UDEV_MS / 1000);
		/* Release the semaphore.  Otherwise it would stay in the kernel. */
		dm_udev_complete(cookie);
	}
}

/*
 * Runs the task t, destroys t, and waits for udev.  t NULL: reports that there was no memory.
 * udev_flags: flags for udev's rules.  what: a verb for the message.  Context: dm_lock, which is
 * released during the wait.
 */
static int run_task_flags(struct dm_task *t, uint16_t udev_flags, const char *what, const char *name, struct err *err)
{
	uint32_t cookie = 0;
	int r = 0;

	if (!t || !dm_task_set_cookie(t, &cookie, udev_flags) || !dm_task_run(t))
		r = task_failed(t, what, name, err);
	if (t)
		dm_task_destroy(t);
	pthread_mutex_unlock(&dm_lock);

	/*
	 * Wait for the cookie also after a failure, because otherwise its semaphore stays in the
	 * kernel.
	 */
	if (cookie)
		await_udev(cookie, name);

	pthread_mutex_lock(&dm_lock);
	dm_task_update_nodes();
	return r;
}

static int run_task(struct dm_task *t, const char *what, const char *name, struct err *err)
{
	return run_task_flags(t, 0, what, name, err);
}

/* Creates a task for the device NAME.  Returns NULL on failure.  Context: dm_lock. */
static struct dm_task *task_for(int type, const char *name)
{
	struct dm_task *t = dm_task_create(type);

	*complaint = 0;
	if (t && !dm_task_set_name(t, name)) {
		dm_task_destroy(t);
		t = NULL;
	}
	return t;
}

static int create(const char *name, const struct dm_table *table, const char *type, const char *text, struct err *err)
{
	char dm_uuid[DM_UUID_TEXT_SIZE];
	struct dm_task *t;
	int r;

	log_debug("volume %s: table 0 %llu %s %s", name,
		  (unsigned long long)table->nr_sectors, type, text);

	pthread_mutex_lock(&dm_lock);
	t = task_for(DM_DEVICE_CREATE, name);
	if (t && (!dm_task_set_uuid(t, uuid_dm_text(table->uuid, dm_uuid)) ||
		  !dm_task_add_target(t, 0, table->nr_sectors, type, text) ||
		  !dm_task_set_add_node(t, DM_ADD_NODE_ON_CREATE))) {
		dm_task_destroy(t);
		t = NULL;
	}
	r = run_task(t, "create", name, err);
	pthread_mutex_unlock(&dm_lock);
	return r;
}

int dm_create_hidden(const char *name, const char *uuid, const struct dm_line *line, bool read_only, struct err *err)
{
	struct dm_task *t;
	int r;

	log_debug("/dev/mapper/%s: table 0 %llu %s %s", name, (unsigned long long)line->length, line->type, line->params);
	pthread_mutex_lock(&dm_lock);
	t = task_for(DM_DEVICE_CREATE, name);
	if (t && (!dm_task_set_uuid(t, uuid) || !dm_task_add_target(t, 0, line->length, line->type, line->params) ||
		  (read_only && !dm_task_set_ro(t)) || !dm_task_set_add_node(t, DM_ADD_NODE_ON_CREATE))) {
		dm_task_destroy(t);
		t = NULL;
	}
	r = run_task_flags(t, DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG | DM_UDEV_DISABLE_DISK_RULES_FLAG |
			   DM_UDEV_DISABLE_OTHER_RULES_FLAG, "create", name, err);
	pthread_mutex_unlock(&dm_lock);
	return r;
}

int dm_create(const char *name, const struct dm_table *table, struct err *err)
{
	char text[256];

	format_table(table, text, sizeof(text));
	return create(name, table, "erad", text, err);
}

int dm_create_linear(const char *name, const struct dm_table *table, struct err *err)
{
	char text[48];

	snprintf(text, sizeof(text), "%u:%u 0", major(table->origin), minor(table->origin));
	return create(name, table, "linear", text, err);
}

/*
 * Returns 1 if the device exists, 0 if it does not, or a negative errno.  On 1, *info is set.
 * Context: dm_lock.
 */
static int look_up(const char *name, struct dm_info *info, struct err *err)
{
	struct dm_task *t = task_for(DM_DEVICE_INFO, name);
	int r;

	if (!t || !dm_task_run(t) || !dm_task_get_info(t, info))
		r = task_failed(t, "look at", name, err);
	else
		r = !!info->exists;
	if (t)
		dm_task_destroy(t);
	return r;
}

int dm_exists(const char *name, struct err *err)
{
	struct dm_info info;
	int r;

	pthread_mutex_lock(&dm_lock);
	r = look_up(name, &info, err);
	pthread_mutex_unlock(&dm_lock);
	return r;
}

int dm_is_volume(const char *name, const uint8_t uuid[16], struct err *err)
{
	char expected[DM_UUID_TEXT_SIZE];
	struct dm_info info;
	struct dm_task *t;
	const char *got;
	int r;

	pthread_mutex_lock(&dm_lock);
	t = task_for(DM_DEVICE_INFO, name);
	if (!t || !dm_task_run(t) || !dm_task_get_info(t, &info)) {
		r = task_failed(t, "look at", name, err);
	} else {
		got = info.exists ? dm_task_get_uuid(t) : NULL;
		r = got && !strcmp(got, uuid_dm_text(uuid, expected));
	}
	if (t)
		dm_task_destroy(t);
	pthread_mutex_unlock(&dm_lock);
	return r;
}

/*
 * Reads the live table, which must be exactly one erad target.  *params receives the target's
 * parameters, which belong to *t.  The caller destroys *t, also after an error.  *t NULL: there was
 * no memory.  Context: dm_lock.
 */
static int only_target(const char *name, struct dm_task **t, char **params, struct err *err)
{
	uint64_t start, length;
	char *type = NULL;
	void *next;

	*t = task_for(DM_DEVICE_TABLE, name);
	if (!*t || !dm_task_run(*t))
		return task_failed(*t, "look at the table of", name, err);
	next = dm_get_next_target(*t, NULL, &start, &length, &type, params);
	if (next || !type || strcmp(type, "erad") || start)
		return err_set(err, -EOPNOTSUPP,
			       "the table of /dev/mapper/%s is not one erad target alone, so erad cannot change its length; load a table of the new length with dmsetup",
			       name);
	return 0;
}

int dm_load_size(const char *name, uint64_t nr_sectors, struct err *err)
{
	struct dm_task *table = NULL, *t = NULL;
	struct dm_info info;
	char *params;
	int r;

	pthread_mutex_lock(&dm_lock);
	r = look_up(name, &info, err);
	if (!r)
		r = err_set(err, -ENXIO, "there is no /dev/mapper/%s", name);
	else if (r > 0)
		r = info.suspended ? err_set(err, -EBUSY,
					     "/dev/mapper/%s is suspended; resume it first", name) : 0;
	if (!r)
		r = only_target(name, &table, &params, err);
	if (r)
		goto out;
	t = task_for(DM_DEVICE_RELOAD, name);
	if (!t || !dm_task_add_target(t, 0, nr_sectors, "erad", params) ||
	    (info.read_only && !dm_task_set_ro(t)) || !dm_task_run(t))
		r = task_failed(t, "load a table for", name, err);
out:
	if (t)
		dm_task_destroy(t);
	if (table)
		dm_task_destroy(table);
	pthread_mutex_unlock(&dm_lock);
	return r;
}

int dm_load(const char *name, const struct dm_table *table, struct err *err)
{
	struct dm_task *t;
	char text[256];
	int r = 0;

	format_table(table, text, sizeof(text));
	pthread_mutex_lock(&dm_lock);
	t = task_for(DM_DEVICE_RELOAD, name);
	if (!t || !dm_task_add_target(t, 0, table->nr_sectors, "erad", text) || !dm_task_run(t))
		r = task_failed(t, "load a table for", name, err);
	if (t)
		dm_task_destroy(t);
	pthread_mutex_unlock(&dm_lock);
	return r;
}

/*
 * Tries once to remove the device.  Sets *known to true if err names the user of the device.  If
 * so, another attempt is useless.  Context: dm_lock.
 */
static int try_remove(const char *name, bool *known, struct err *err)
{
	struct dm_info info;
	struct err who;
	int r;

	r = look_up(name, &info, err);
	if (r == 0)
		r = err_set(err, -ENXIO, "there is no /dev/mapper/%s", name);
	if (r < 0)
		return r;
	if (info.open_count) {
		*known = probe_in_use(makedev(info.major, info.minor), NULL, &who);
		if (!*known)
			err_set(&who, 0, "it is open (%d times)", info.open_count);
		return err_set(err, -EBUSY, "/dev/mapper/%s is in use: %s", name, who.msg);
	}
	return run_task(task_for(DM_DEVICE_REMOVE, name), "remove", name, err);
}

int dm_remove(const char *name, struct err *err)
{
	bool known = false;
	int r;

	/*
	 * Try again if EBUSY: udev opens a device for a moment each time a writer has closed the
	 * device.  On a busy machine, udev may need seconds for this.
	 */
	for (int tries = 0; ; tries++) {
		pthread_mutex_lock(&dm_lock);
		r = try_remove(name, &known, err);
		pthread_mutex_unlock(&dm_lock);
		if (r != -EBUSY || known || tries >= REMOVE_TRIES_UDEV ||
		    (tries >= REMOVE_TRIES && access("/run/udev/queue", F_OK)))
			return r;
		usleep(REMOVE_PAUSE_MS * 1000);
	}
}

/*
 * Do not take dm_lock, and use the ioctl directly.  If there is no reader, a thread may hold dm_lock
 * while the kernel waits for a device that hangs, and the volume thread must not wait for that device.
 * This ioctl waits for no I/O.
 */
bool dm_lives(dev_t dev)
{
	struct dm_ioctl io = {
		.version = { DM_VERSION_MAJOR, 0, 0 }, .data_size = sizeof(io), .data_start = sizeof(io), .dev = dev,
	};
	const int fd = open("/dev/" DM_DIR "/" DM_CONTROL_NODE, O_RDWR | O_CLOEXEC);
	bool lives;

	if (fd < 0)
		return true;
	lives = !ioctl(fd, DM_DEV_STATUS, &io) || errno != ENXIO;
	close(fd);
	return lives;
}
