// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests which holders and slaves of a device dev_links.c finds, and that a list that cannot be read
 * is an error and not an empty list, with a stand-in for sysfs.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "common/below.h"
#include "common/dev_links.h"
#include "common/lvs.h"
#include "devices_sim.h"

#define SDA	makedev(8, 0)
#define SDA1	makedev(8, 1)
#define C0D0	makedev(104, 0)
#define DM0	makedev(253, 0)
#define DM1	makedev(253, 1)
#define UUID	"ERAD-01020304-0506-0708-090a-0b0c0d0e0f10"

static struct err err;

/* Makes sda with a partition, on which two mapped devices lie, and a device with a '/' in its name. */
static int set_up(void **state)
{
	(void)state;
	devices_begin();
	devices_add("sda", NULL, SDA);
	devices_add("sda1", "sda", SDA1);
	devices_add("cciss!c0d0", NULL, C0D0);
	devices_add("dm-0", NULL, DM0);
	devices_add("dm-1", NULL, DM1);
	devices_stack("dm-0", "sda/sda1");
	devices_stack("dm-1", "sda/sda1");
	devices_stack("dm-1", "cciss!c0d0");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	devices_end();
	return 0;
}

/* Expects these two neighbours, in any order, or one if b is 0. */
static void neighbours_are(dev_t dev, enum dev_links_kind kind, dev_t a, dev_t b)
{
	dev_t found[2] = { 0 };
	struct dev_links l;
	unsigned int nr = 0;
	int r;

	dev_links_open(&l, dev, kind);
	while ((r = dev_links_next(&l)) > 0) {
		assert_true(nr < 2);
		found[nr++] = l.dev;
	}
	dev_links_close(&l);
	assert_int_equal(r, 0);
	assert_true((found[0] == a && found[1] == b) || (b && found[0] == b && found[1] == a));
}

static void reading_fails(dev_t dev, enum dev_links_kind kind, int expected, const char *path)
{
	struct dev_links l;

	dev_links_open(&l, dev, kind);
	assert_int_equal(dev_links_next(&l), expected);
	assert_int_equal(dev_links_next(&l), expected);
	dev_links_close(&l);
	assert_string_equal(l.path, path);
}

static void test_holders_and_slaves_are_found(void **state)
{
	(void)state;
	neighbours_are(SDA1, DEV_HOLDERS, DM0, DM1);
	neighbours_are(DM1, DEV_SLAVES, SDA1, C0D0);
	neighbours_are(DM0, DEV_SLAVES, SDA1, 0);
	neighbours_are(DM0, DEV_HOLDERS, 0, 0);
}

static void test_names_are_those_of_the_nodes(void **state)
{
	struct dev_links l;

	(void)state;
	dev_links_open(&l, DM0, DEV_SLAVES);
	assert_int_equal(dev_links_next(&l), 1);
	assert_string_equal(l.name, "sda1");
	dev_links_close(&l);
	devices_stack("dm-0", "cciss!c0d0");
	devices_removed("/sys/devices/sda/sda1/dev");
	dev_links_open(&l, DM0, DEV_SLAVES);
	assert_int_equal(dev_links_next(&l), 1);
	assert_string_equal(l.name, "cciss/c0d0");
	assert_string_equal(l.path, "/sys/dev/block/253:0/slaves");
	dev_links_close(&l);
}

static void test_a_neighbour_that_has_been_removed_is_left_out(void **state)
{
	(void)state;
	devices_removed("/sys/devices/dm-0/dev");
	neighbours_are(SDA1, DEV_HOLDERS, DM1, 0);
	devices_removed("/sys/devices/dm-1/dev");
	neighbours_are(SDA1, DEV_HOLDERS, 0, 0);
}

static void test_a_device_that_has_been_removed_is_no_device(void **state)
{
	(void)state;
	reading_fails(makedev(99, 1), DEV_HOLDERS, -ENODEV, "/sys/dev/block/99:1/holders");
	reading_fails(makedev(99, 1), DEV_SLAVES, -ENODEV, "/sys/dev/block/99:1/slaves");
}

static void test_a_partition_without_a_directory_has_no_slaves(void **state)
{
	(void)state;
	devices_no_directory("/sys/devices/sda/sda1/slaves");
	devices_removed("/sys/devices/sda/sda1/slaves");
	neighbours_are(SDA1, DEV_SLAVES, 0, 0);
}

static void test_a_list_that_cannot_be_read_is_an_error(void **state)
{
	(void)state;
	devices_no_directory("/sys/devices/dm-0/holders");
	reading_fails(DM0, DEV_HOLDERS, -ENOTDIR, "/sys/dev/block/253:0/holders");
	devices_unreadable("/sys/devices/sda/sda1/dev");
	reading_fails(DM0, DEV_SLAVES, -EISDIR, "/sys/dev/block/253:0/slaves/sda1");
}

static void test_a_renamed_device_of_a_volume_is_found(void **state)
{
	(void)state;
	assert_int_equal(below_check_renamed("data", "/dev/sda1", &err), 0);
	devices_write("/sys/devices/dm-1/dm/name", "renamed\n");
	devices_write("/sys/devices/dm-1/dm/uuid", UUID "\n");
	assert_int_equal(below_check_renamed("data", "/dev/sda1", &err), -EBUSY);
	assert_non_null(strstr(err.msg, "dmsetup rename renamed data"));
}

static void test_a_renamed_device_cannot_be_excluded_if_the_holders_cannot_be_read(void **state)
{
	(void)state;
	devices_no_directory("/sys/devices/sda/holders");
	assert_int_equal(below_check_renamed("data", "/dev/sda", &err), -ENOTDIR);
	assert_string_equal(err.msg,
			    "there is no /dev/mapper/data, and it is not known whether this device was renamed: cannot read /sys/dev/block/8:0/holders to find the devices on /dev/sda: Not a directory");
	/* The origin is gone: there is no node, or its device has been removed. */
	assert_int_equal(below_check_renamed("data", "/dev/sdz", &err), 0);
	devices_node("/dev/sdy", makedev(8, 112));
	assert_int_equal(below_check_renamed("data", "/dev/sdy", &err), 0);
}

static void test_a_list_of_logical_volumes_is_not_empty_if_the_holders_cannot_be_read(void **state)
{
	struct lvs lvs;

	(void)state;
	devices_no_directory("/sys/devices/sda/holders");
	assert_int_equal(lvs_find(SDA, 0, &lvs, &err), -ENOTDIR);
	assert_string_equal(err.msg, "cannot read /sys/dev/block/8:0/holders: Not a directory");
	devices_add("md0", NULL, makedev(9, 0));
	devices_stack("md0", "cciss!c0d0");
	assert_int_equal(lvs_find(C0D0, DM1, &lvs, &err), -EOPNOTSUPP);
	assert_string_equal(err.msg, "/dev/md0 uses device 104:0 and is not a logical volume of LVM; remove /dev/md0 first");
	devices_removed("/sys/devices/md0/dev");
	assert_int_equal(lvs_find(C0D0, DM1, &lvs, &err), 0);
	assert_int_equal(lvs.nr, 0);
	lvs_free(&lvs);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_holders_and_slaves_are_found),
		T(test_names_are_those_of_the_nodes),
		T(test_a_neighbour_that_has_been_removed_is_left_out),
		T(test_a_device_that_has_been_removed_is_no_device),
		T(test_a_partition_without_a_directory_has_no_slaves),
		T(test_a_list_that_cannot_be_read_is_an_error),
		T(test_a_renamed_device_of_a_volume_is_found),
		T(test_a_renamed_device_cannot_be_excluded_if_the_holders_cannot_be_read),
		T(test_a_list_of_logical_volumes_is_not_empty_if_the_holders_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
