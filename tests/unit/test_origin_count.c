// SPDX-License-Identifier: GPL-2.0-or-later
/* Tests when two counts of the writes to an origin show that it was written, and when they do not. */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "common/blockdev.h"
#include "common/origin_count.h"

#define BOOT	"11111111-2222-3333-4444-555555555555"

#define DISK	makedev(8, 16)
#define LOOP	makedev(7, 0)

static struct origin_count was, now;

int __wrap_blockdev_disk_attribute(dev_t dev, const char *attribute, char *line, size_t size);

/* The disk of each device is the device, and no medium can be changed. */
int __wrap_blockdev_disk_attribute(dev_t dev, const char *attribute, char *line, size_t size)
{
	if (!strcmp(attribute, "dev"))
		snprintf(line, size, "%u:%u", major(dev), minor(dev));
	else
		strcpy(line, "0");
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	was = (struct origin_count){
		.known = htole32(1), .major = htole32(8), .minor = htole32(16), .diskseq = htole64(7), .sectors = htole64(100),
	};
	now = was;
	return 0;
}

static void test_a_device_with_another_count_was_written(void **state)
{
	(void)state;
	assert_true(origin_count_comparable(&was, &now));
	assert_false(origin_count_written(&was, &now));
	now.sectors = htole64(101);
	assert_true(origin_count_comparable(&was, &now));
	assert_true(origin_count_written(&was, &now));
	now.sectors = 0;
	assert_true(origin_count_written(&was, &now));
}

static void test_counts_of_two_devices_do_not_show_a_write(void **state)
{
	(void)state;
	now.sectors = htole64(101);
	now.minor = htole32(32);
	assert_false(origin_count_written(&was, &now));
	now.minor = was.minor;
	now.major = htole32(9);
	assert_false(origin_count_written(&was, &now));
	now.major = was.major;
	now.diskseq = htole64(8);
	assert_false(origin_count_written(&was, &now));
}

static void test_a_device_that_appeared_later_was_written_if_it_has_a_count(void **state)
{
	(void)state;
	assert_false(origin_count_written_anew(&was, &now, DISK));
	now.diskseq = htole64(8);
	now.sectors = htole64(8);
	assert_true(origin_count_written_anew(&was, &now, DISK));
	/* The device may have another number. */
	now.minor = htole32(32);
	assert_true(origin_count_written_anew(&was, &now, DISK));
	now.sectors = 0;
	assert_false(origin_count_written_anew(&was, &now, DISK));
	now.sectors = htole64(8);
	/* An older device may have counted writes from before the close. */
	now.diskseq = htole64(6);
	assert_false(origin_count_written_anew(&was, &now, DISK));
	now.diskseq = htole64(8);
	/* The counter of a loop device goes on when the device gets another file. */
	assert_false(origin_count_written_anew(&was, &now, LOOP));
	was.diskseq = 0;
	assert_false(origin_count_written_anew(&was, &now, DISK));
	was.diskseq = htole64(7);
	was.known = 0;
	assert_false(origin_count_written_anew(&was, &now, DISK));
	was.known = htole32(1);
	now.known = 0;
	assert_false(origin_count_written_anew(&was, &now, DISK));
}

static void test_a_count_that_is_not_known_does_not_show_a_write(void **state)
{
	(void)state;
	now.sectors = htole64(101);
	was.known = 0;
	assert_false(origin_count_written(&was, &now));
	now.known = 0;
	assert_false(origin_count_written(&was, &now));
	was.known = htole32(1);
	assert_false(origin_count_written(&was, &now));
}

static void test_a_note_is_of_a_close_only_in_the_boot_of_the_close(void **state)
{
	struct table_note n = { .version = htole32(TABLE_NOTE_VERSION), .state = htole32(NOTE_GONE), .boot = BOOT };

	(void)state;
	assert_true(table_note_is_of_close(&n, BOOT));
	assert_false(table_note_is_of_close(&n, "11111111-2222-3333-4444-555555555556"));
	assert_false(table_note_is_of_close(&n, ""));
	*n.boot = 0;
	assert_false(table_note_is_of_close(&n, ""));
	strcpy(n.boot, BOOT);
	n.state = htole32(NOTE_OUT);
	assert_false(table_note_is_of_close(&n, BOOT));
	n.state = htole32(NOTE_GONE);
	n.version = 0;
	assert_false(table_note_is_of_close(&n, BOOT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_device_with_another_count_was_written, set_up),
		cmocka_unit_test_setup(test_counts_of_two_devices_do_not_show_a_write, set_up),
		cmocka_unit_test_setup(test_a_device_that_appeared_later_was_written_if_it_has_a_count, set_up),
		cmocka_unit_test_setup(test_a_count_that_is_not_known_does_not_show_a_write, set_up),
		cmocka_unit_test_setup(test_a_note_is_of_a_close_only_in_the_boot_of_the_close, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
