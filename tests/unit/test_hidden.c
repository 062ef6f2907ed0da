// SPDX-License-Identifier: GPL-2.0-or-later
/* How long erad waits until udev has hidden an origin, with a stand-in for udev and for the clock. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <systemd/sd-device.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "erad/device/hidden.h"

#define NEVER	UINT64_MAX

/* Times in ms: when udev processes the event of the device, and when it has processed all events. */
static struct {
	uint64_t now, processed, idle;
	bool no_rules;
} udev;

int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
int __real_stat(const char *path, struct stat *st);
int __wrap_stat(const char *path, struct stat *st);
int __wrap_usleep(useconds_t us);
int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_sd_device_new_from_devnum(sd_device **d, char type, dev_t dev);
int __wrap_sd_device_get_property_value(sd_device *d, const char *key, const char **value);
sd_device *__wrap_sd_device_unref(sd_device *d);

static bool is_processed(void)
{
	return udev.now >= udev.processed;
}

int __wrap_access(const char *path, int mode)
{
	if (!strcmp(path, "/run/udev/control"))
		return 0;
	if (strcmp(path, "/run/udev/queue"))
		return __real_access(path, mode);
	return udev.now < udev.idle ? 0 : -1;
}

int __wrap_stat(const char *path, struct stat *st)
{
	if (strncmp(path, "/run/udev/data/", strlen("/run/udev/data/")))
		return __real_stat(path, st);
	*st = (struct stat){ .st_ino = 1 + is_processed() };
	return 0;
}

int __wrap_usleep(useconds_t us)
{
	udev.now += us / 1000;
	return 0;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
	if (clock == CLOCK_REALTIME)
		return __real_clock_gettime(clock, t);
	*t = (struct timespec){ .tv_sec = udev.now / 1000, .tv_nsec = udev.now % 1000 * 1000000L };
	return 0;
}

int __wrap_sd_device_new_from_devnum(sd_device **d, char type, dev_t dev)
{
	(void)type;
	(void)dev;
	*d = NULL;
	return 0;
}

int __wrap_sd_device_get_property_value(sd_device *d, const char *key, const char **value)
{
	(void)d;
	assert_string_equal(key, "ERAD_ORIGIN");
	*value = "data";
	return is_processed() && !udev.no_rules ? 0 : -ENOENT;
}

sd_device *__wrap_sd_device_unref(sd_device *d)
{
	(void)d;
	return NULL;
}

/* Hides a device.  Returns after how many ms hidden_update() has returned. */
static uint64_t hide_within(unsigned int busy_ms, uint64_t processed, uint64_t idle, bool no_rules)
{
	udev.now = 0;
	udev.processed = processed;
	udev.idle = idle;
	udev.no_rules = no_rules;
	/* There is no device with this number, so no real udev gets an event. */
	hidden_update(makedev(4000, 4000), true, busy_ms);
	return udev.now;
}

static uint64_t hide(uint64_t processed, uint64_t idle, bool no_rules)
{
	return hide_within(HIDDEN_BUSY_MS, processed, idle, no_rules);
}

static void test_an_open_waits_for_a_slow_udev_but_not_for_an_idle_one(void **state)
{
	(void)state;
	assert_in_range(hide(0, 0, false), 0, 100);
	assert_in_range(hide(3000, 3000, false), 3000, 3100);
	assert_in_range(hide(20000, 20000, false), 20000, 20100);
	/* udev processes another event after that of the device. */
	assert_in_range(hide(20000, NEVER, false), 20000, 20100);
	assert_in_range(hide(NEVER, NEVER, false), 30000, 30100);
	/* The rules are not installed. */
	assert_in_range(hide(100, 200, true), 5000, 5100);
	assert_in_range(hide(100, 8000, true), 8000, 8100);
}

static void test_a_caller_with_locks_of_lvm_waits_5_seconds_for_a_busy_udev(void **state)
{
	(void)state;
	assert_in_range(hide_within(HIDDEN_LOCKED_MS, 3000, NEVER, false), 3000, 3100);
	assert_in_range(hide_within(HIDDEN_LOCKED_MS, 20000, NEVER, false), 5000, 5100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_open_waits_for_a_slow_udev_but_not_for_an_idle_one),
		cmocka_unit_test(test_a_caller_with_locks_of_lvm_waits_5_seconds_for_a_busy_udev),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
