// SPDX-License-Identifier: GPL-2.0-or-later
/* Simulates device-mapper with one device: see dm_sim.h. */
#include <errno.h>
#include <libdevmapper.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "dm_sim.h"

struct dm_sim dm_sim;

struct dm_task {
	int type, error;
	char name[128], table[300];
	bool read_only;
};

struct dm_task *__wrap_dm_task_create(int type);
void __wrap_dm_task_destroy(struct dm_task *t);
int __wrap_dm_task_set_name(struct dm_task *t, const char *name);
int __wrap_dm_task_set_uuid(struct dm_task *t, const char *uuid);
int __wrap_dm_task_add_target(struct dm_task *t, uint64_t start, uint64_t size, const char *type, const char *params);
int __wrap_dm_task_set_add_node(struct dm_task *t, dm_add_node_t node);
int __wrap_dm_task_set_cookie(struct dm_task *t, uint32_t *cookie, uint16_t flags);
int __wrap_dm_task_set_ro(struct dm_task *t);
int __wrap_dm_task_run(struct dm_task *t);
int __wrap_dm_task_get_errno(struct dm_task *t);
int __wrap_dm_task_get_info(struct dm_task *t, struct dm_info *info);
const char *__wrap_dm_task_get_uuid(const struct dm_task *t);
void *__wrap_dm_get_next_target(struct dm_task *t, void *next, uint64_t *start, uint64_t *length,
				char **type, char **params);
int __wrap_dm_udev_wait_immediate(uint32_t cookie, int *ready);
int __wrap_dm_udev_complete(uint32_t cookie);
int __wrap_usleep(useconds_t us);
int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
void __wrap_dm_task_update_nodes(void);

struct dm_task *__wrap_dm_task_create(int type)
{
	struct dm_task *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->type = type;
	dm_sim.live_tasks++;
	return t;
}

void __wrap_dm_task_destroy(struct dm_task *t)
{
	free(t);
	dm_sim.live_tasks--;
}

int __wrap_dm_task_set_name(struct dm_task *t, const char *name)
{
	snprintf(t->name, sizeof(t->name), "%s", name);
	return 1;
}

int __wrap_dm_task_set_uuid(struct dm_task *t, const char *uuid)
{
	(void)t;
	assert_memory_equal(uuid, "ERAD-", 5);
	return 1;
}

int __wrap_dm_task_add_target(struct dm_task *t, uint64_t start, uint64_t size, const char *type, const char *params)
{
	assert_int_equal(start, 0);
	snprintf(t->table, sizeof(t->table), "%llu %s %s", (unsigned long long)size, type, params);
	return 1;
}

int __wrap_dm_task_set_add_node(struct dm_task *t, dm_add_node_t node)
{
	(void)t;
	assert_int_equal(node, DM_ADD_NODE_ON_CREATE);
	return 1;
}

int __wrap_dm_task_set_cookie(struct dm_task *t, uint32_t *cookie, uint16_t flags)
{
	(void)t;
	(void)flags;
	*cookie = ++dm_sim.cookies;
	return 1;
}

int __wrap_dm_task_set_ro(struct dm_task *t)
{
	t->read_only = true;
	return 1;
}

static void note_task(const char *what)
{
	strncat(dm_sim.tasks, what, sizeof(dm_sim.tasks) - strlen(dm_sim.tasks) - 1);
}

int __wrap_dm_task_run(struct dm_task *t)
{
	if (dm_sim.during_run && t->type != DM_DEVICE_INFO)
		dm_sim.during_run();
	if (t->type == dm_sim.fail_type && dm_sim.fail_times) {
		dm_sim.fail_times--;
		t->error = dm_sim.fail_errno;
		return 0;
	}
	switch (t->type) {
	case DM_DEVICE_CREATE:
		note_task("create ");
		dm_sim.exists = true;
		strcpy(dm_sim.loaded, t->table);
		break;
	case DM_DEVICE_RELOAD:
		note_task(t->read_only ? "load-ro " : "load ");
		strcpy(dm_sim.loaded, t->table);
		break;
	case DM_DEVICE_REMOVE:
		note_task("remove ");
		dm_sim.exists = false;
		break;
	}
	return 1;
}

int __wrap_dm_task_get_errno(struct dm_task *t)
{
	return t->error;
}

int __wrap_dm_task_get_info(struct dm_task *t, struct dm_info *info)
{
	(void)t;
	if (dm_sim.closed_after && !--dm_sim.closed_after)
		dm_sim.open_count = 0;
	*info = (struct dm_info){
		.exists = dm_sim.exists, .suspended = dm_sim.suspended, .read_only = dm_sim.read_only,
		.open_count = dm_sim.open_count, .major = dm_sim.major, .minor = dm_sim.minor,
	};
	return 1;
}

const char *__wrap_dm_task_get_uuid(const struct dm_task *t)
{
	(void)t;
	return dm_sim.uuid ? dm_sim.uuid : "";
}

void *__wrap_dm_get_next_target(struct dm_task *t, void *next, uint64_t *start, uint64_t *length,
				char **type, char **params)
{
	(void)t;
	(void)next;
	*start = dm_sim.start;
	*length = dm_sim.length;
	*type = (char *)dm_sim.type;
	*params = dm_sim.params;
	return NULL;
}

int __wrap_dm_udev_wait_immediate(uint32_t cookie, int *ready)
{
	assert_int_equal(cookie, dm_sim.cookies);
	*ready = !dm_sim.udev_lost || dm_sim.completed;
	dm_sim.waits += *ready;
	return 1;
}

int __wrap_dm_udev_complete(uint32_t cookie)
{
	assert_int_equal(cookie, dm_sim.cookies);
	dm_sim.completed++;
	return 1;
}

int __wrap_usleep(useconds_t us)
{
	dm_sim.slept_us += us;
	return 0;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
	const uint64_t us = dm_sim.slept_us;

	if (clock != CLOCK_MONOTONIC)
		return __real_clock_gettime(clock, t);
	*t = (struct timespec){ .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };
	return 0;
}

void __wrap_dm_task_update_nodes(void)
{
}
