// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * When the kernel does not count the writes to a device: this depends on queue/iostats, on the kind
 * of the device, and on the version of the kernel.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

#include <cmocka.h>

#include "devices_sim.h"
#include "common/blockdev.h"

#define SDA	makedev(8, 0)
#define SDA1	makedev(8, 1)
#define DM0	makedev(253, 0)

/* Versions of kernels in which device-mapper always counts, and in which it obeys queue/iostats. */
static const char *const always[] = { "5.10.0-30-amd64", "6.1.0-57-amd64", "6.4.16", "6.4.0-rc7" };
static const char *const obeys[] = {
	"6.5.0", "6.5.0-45-generic", "6.6.10", "6.10.14", "6.11.0", "6.12.117+deb12-amd64", "7.0.0-rc1", "7.3.4", "10.1.2",
};

static const char *release;	/* the version of the running kernel; NULL: uname() fails */

int __wrap_uname(struct utsname *u);

int __wrap_uname(struct utsname *u)
{
	if (!release) {
		errno = EFAULT;
		return -1;
	}
	memset(u, 0, sizeof(*u));
	strcpy(u->release, release);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	release = "6.1.0-57-amd64";
	devices_begin();
	devices_add("sda", NULL, SDA);
	devices_add("sda1", "sda", SDA1);
	devices_add("dm-0", NULL, DM0);
	devices_write("/sys/devices/dm-0/dm/name", "vg-data\n");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	devices_end();
	return 0;
}

static void assert_counters_off(dev_t dev, const char *const *releases, size_t nr, bool expected)
{
	for (size_t i = 0; i < nr; i++) {
		release = releases[i];
		if (blockdev_counters_off(dev) != expected)
			fail_msg("Linux %s: got %d, expected %d", release, !expected, expected);
	}
}

#define ASSERT_COUNTERS_OFF(dev, releases, expected)	\
	assert_counters_off(dev, releases, sizeof(releases) / sizeof(*(releases)), expected)

static void test_a_disk_and_its_partitions_obey_the_switch_of_the_disk(void **state)
{
	(void)state;
	devices_write("/sys/devices/sda/queue/iostats", "0\n");
	ASSERT_COUNTERS_OFF(SDA, always, true);
	ASSERT_COUNTERS_OFF(SDA, obeys, true);
	ASSERT_COUNTERS_OFF(SDA1, always, true);
	ASSERT_COUNTERS_OFF(SDA1, obeys, true);
}

static void test_a_mapped_device_obeys_the_switch_since_6_5(void **state)
{
	(void)state;
	devices_write("/sys/devices/dm-0/queue/iostats", "0\n");
	ASSERT_COUNTERS_OFF(DM0, always, false);
	ASSERT_COUNTERS_OFF(DM0, obeys, true);
}

static void test_a_request_based_mapped_device_always_obeys_the_switch(void **state)
{
	(void)state;
	devices_write("/sys/devices/dm-0/queue/iostats", "0\n");
	devices_write("/sys/devices/dm-0/mq/0/nr_tags", "128\n");
	ASSERT_COUNTERS_OFF(DM0, always, true);
	ASSERT_COUNTERS_OFF(DM0, obeys, true);
}

static void test_with_the_switch_on_writes_are_counted(void **state)
{
	(void)state;
	devices_write("/sys/devices/sda/queue/iostats", "1\n");
	devices_write("/sys/devices/dm-0/queue/iostats", "1\n");
	ASSERT_COUNTERS_OFF(SDA, always, false);
	ASSERT_COUNTERS_OFF(SDA1, obeys, false);
	ASSERT_COUNTERS_OFF(DM0, always, false);
	ASSERT_COUNTERS_OFF(DM0, obeys, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_disk_and_its_partitions_obey_the_switch_of_the_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_mapped_device_obeys_the_switch_since_6_5, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_request_based_mapped_device_always_obeys_the_switch, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_with_the_switch_on_writes_are_counted, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
