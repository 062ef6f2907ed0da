// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests which tables dm.c loads, and in which state a failed step leaves the device, with a
 * stand-in for libdevmapper.
 */
#include <errno.h>
#include <libdevmapper.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>

#include <cmocka.h>

#include "devices_sim.h"
#include "dm_sim.h"
#include "erad/device/dm.h"

#define UUID	"00010203-0405-0607-0809-0a0b0c0d0e0f"

static struct err err;

static int set_up(void **state)
{
	(void)state;
	devices_begin();
	dm_sim = (struct dm_sim){ .exists = true, .major = 253, .type = "erad", .length = 1000 };
	strcpy(dm_sim.params, "- 8:0 128 2 uuid " UUID);
	return 0;
}

/* Checks that every task was destroyed, and every cookie was waited for, even after failures. */
static int tear_down(void **state)
{
	(void)state;
	devices_end();
	return dm_sim.live_tasks || dm_sim.waits != dm_sim.cookies;
}

static void test_device_of_a_volume_is_recognized_by_its_uuid(void **state)
{
	static const uint8_t uuid[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

	(void)state;
	assert_int_equal(dm_is_volume("data", uuid, &err), 0);
	dm_sim.uuid = "ERAD-" UUID;
	assert_int_equal(dm_is_volume("data", uuid, &err), 1);
	dm_sim.uuid = "ERAD-" UUID "-image";
	assert_int_equal(dm_is_volume("data", uuid, &err), 0);
	dm_sim.uuid = "ERAD-" UUID;
	dm_sim.exists = false;
	assert_int_equal(dm_is_volume("data", uuid, &err), 0);
	dm_sim.fail_type = DM_DEVICE_INFO;
	dm_sim.fail_errno = ENOMEM;
	dm_sim.fail_times = 1;
	assert_int_equal(dm_is_volume("data", uuid, &err), -ENOMEM);
}

static bool answered;

static void *ask_whether_it_lives(void *arg)
{
	(void)arg;
	dm_lives(makedev(253, 1048575));
	return NULL;
}

/* Looks up the device of another volume during a task, as the thread of that volume may do. */
static void ask_meanwhile(void)
{
	struct timespec until;
	pthread_t thread;

	dm_sim.during_run = NULL;
	assert_int_equal(pthread_create(&thread, NULL, ask_whether_it_lives, NULL), 0);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	answered = !pthread_timedjoin_np(thread, NULL, &until);
	if (!answered)
		pthread_detach(thread);
}

static void test_whether_a_device_lives_is_known_while_another_task_waits(void **state)
{
	(void)state;
	answered = false;
	dm_sim.during_run = ask_meanwhile;
	assert_int_equal(dm_load_size("data", 3000, &err), 0);
	assert_true(answered);
}

static void test_table_has_what_the_volume_asks_for(void **state)
{
	struct dm_table t = {
		.nr_sectors = 2048, .origin = makedev(8, 16), .block_sectors = 128,
		.uuid = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	};

	(void)state;
	assert_int_equal(dm_create("data", &t, &err), 0);
	assert_string_equal(dm_sim.loaded, "2048 erad - 8:16 128 2 uuid " UUID);
	t.metadata = makedev(8, 1);
	t.policy = DETACH_FAIL;
	t.detach_timeout = 5;
	assert_int_equal(dm_create("data", &t, &err), 0);
	assert_string_equal(dm_sim.loaded,
			    "2048 erad 8:1 8:16 128 6 uuid " UUID " detach_policy fail detach_timeout 5");
}

static void test_create_that_fails_says_why(void **state)
{
	struct dm_table t = { .nr_sectors = 1 };

	(void)state;
	dm_sim.fail_type = DM_DEVICE_CREATE;
	dm_sim.fail_errno = EBUSY;
	dm_sim.fail_times = 1;
	assert_int_equal(dm_create("data", &t, &err), -EBUSY);
	assert_string_equal(err.msg, "cannot create /dev/mapper/data: Device or resource busy");
}

static void test_an_event_that_udev_never_processes_delays_a_task_for_a_minute_only(void **state)
{
	(void)state;
	dm_sim.udev_lost = true;
	assert_int_equal(dm_remove("data", &err), 0);
	assert_in_range(dm_sim.slept_us / 1000000, 58, 61);
	assert_int_equal(dm_sim.completed, 1);
}

static void test_remove_waits_for_a_reader_that_closes_the_device(void **state)
{
	(void)state;
	dm_sim.open_count = 1;
	dm_sim.closed_after = 3;
	assert_int_equal(dm_remove("data", &err), 0);
	assert_string_equal(dm_sim.tasks, "remove ");
	assert_int_equal(dm_remove("data", &err), -ENXIO);
}

static void test_remove_waits_longer_while_udev_processes_events(void **state)
{
	(void)state;
	dm_sim.open_count = 1;
	dm_sim.closed_after = 25;
	assert_int_equal(dm_remove("data", &err), -EBUSY);
	assert_string_equal(err.msg, "/dev/mapper/data is in use: it is open (1 times)");
	devices_write("/run/udev/queue", "");
	dm_sim.closed_after = 25;
	assert_int_equal(dm_remove("data", &err), 0);
	assert_string_equal(dm_sim.tasks, "remove ");
}

static void test_remove_names_at_once_who_has_the_device(void **state)
{
	(void)state;
	devices_write("/proc/self/mountinfo", "30 1 253:0 / /mnt rw - ext4 /dev/mapper/data rw\n");
	dm_sim.open_count = 1;
	dm_sim.closed_after = 2;
	assert_int_equal(dm_remove("data", &err), -EBUSY);
	assert_string_equal(err.msg, "/dev/mapper/data is in use: mounted on /mnt (ext4)");
	assert_string_equal(dm_sim.tasks, "");
}

static void test_load_size_changes_the_length_alone(void **state)
{
	(void)state;
	dm_sim.read_only = true;
	assert_int_equal(dm_load_size("data", 3000, &err), 0);
	assert_string_equal(dm_sim.loaded, "3000 erad - 8:0 128 2 uuid " UUID);
	assert_string_equal(dm_sim.tasks, "load-ro ");
}

static void test_load_size_refuses_what_it_cannot_swap(void **state)
{
	(void)state;
	dm_sim.suspended = true;
	assert_int_equal(dm_load_size("data", 3000, &err), -EBUSY);
	dm_sim.suspended = false;
	dm_sim.type = "linear";
	assert_int_equal(dm_load_size("data", 3000, &err), -EOPNOTSUPP);
	dm_sim.type = "erad";
	dm_sim.start = 8;
	assert_int_equal(dm_load_size("data", 3000, &err), -EOPNOTSUPP);
	dm_sim.exists = false;
	assert_int_equal(dm_load_size("data", 3000, &err), -ENXIO);
	assert_string_equal(dm_sim.tasks, "");
}

#define T(name)	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_table_has_what_the_volume_asks_for),
		T(test_device_of_a_volume_is_recognized_by_its_uuid),
		T(test_whether_a_device_lives_is_known_while_another_task_waits),
		T(test_create_that_fails_says_why),
		T(test_an_event_that_udev_never_processes_delays_a_task_for_a_minute_only),
		T(test_remove_waits_for_a_reader_that_closes_the_device),
		T(test_remove_waits_longer_while_udev_processes_events),
		T(test_remove_names_at_once_who_has_the_device),
		T(test_load_size_changes_the_length_alone),
		T(test_load_size_refuses_what_it_cannot_swap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
