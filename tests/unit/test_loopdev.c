// SPDX-License-Identifier: GPL-2.0-or-later
/* Tests that a file which another open file has locked is refused as a store, without loop devices. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

#include "erad/device/loopdev.h"
#include "temp_dir.h"

static char dir[] = "/tmp/erad-loopdev-XXXXXX";
static char path[sizeof(dir) + 8];

static int set_up(void **state)
{
	(void)state;
	temp_dir_make(dir);
	snprintf(path, sizeof(path), "%s/store", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return temp_dir_remove(dir, path);
}

static int open_store(void)
{
	const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

/* Checks that the file is refused, because a program has locked it. */
static void refused(void)
{
	char expected[sizeof(path) + 80];
	const int fd = open_store();
	struct err err;

	snprintf(expected, sizeof(expected), "%s is in use: another program has locked it; name another place", path);
	assert_int_equal(loopdev_claim(fd, path, &err), -EBUSY);
	assert_string_equal(err.msg, expected);
	close(fd);
}

static void test_file_is_claimed_once_until_it_is_closed(void **state)
{
	const int first = open_store();
	struct err err;
	int second;

	(void)state;
	assert_int_equal(loopdev_claim(first, path, &err), 0);
	refused();
	/* A loop device keeps the open file in the same way as this descriptor. */
	second = dup(first);
	close(first);
	refused();
	close(second);
	second = open_store();
	assert_int_equal(loopdev_claim(second, path, &err), 0);
	close(second);
}

static void test_file_with_each_kind_of_lock_is_refused(void **state)
{
	struct flock byte = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 1 };
	const int other = open_store();

	(void)state;
	assert_int_equal(flock(other, LOCK_SH), 0);
	refused();
	assert_int_equal(flock(other, LOCK_UN), 0);
	/* QEMU locks an image in this way. */
	assert_int_equal(fcntl(other, F_OFD_SETLK, &byte), 0);
	refused();
	close(other);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_file_is_claimed_once_until_it_is_closed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file_with_each_kind_of_lock_is_refused, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
