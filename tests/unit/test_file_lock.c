// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Locks of files: which process is refused, with which message, and what happens when the owner
 * removes its lock file.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file_lock.h"
#include "temp_dir.h"

static char dir[] = "/tmp/erad-lock-XXXXXX";
static char path[sizeof(dir) + 8];
static void (*before_flock)(void);	/* runs once, before the next flock() */

int __real_flock(int fd, int how);
int __wrap_flock(int fd, int how);

int __wrap_flock(int fd, int how)
{
	void (*const fn)(void) = before_flock;

	before_flock = NULL;
	if (fn)
		fn();
	return __real_flock(fd, how);
}

static void assert_sentence(const struct err *err, const char *text)
{
	char expected[256];

	snprintf(expected, sizeof(expected), text, path);
	assert_string_equal(err->msg, expected);
}

static void test_a_lock_is_refused_while_another_program_has_it(void **state)
{
	struct err err;
	int first, second;

	(void)state;
	first = file_lock(path, O_RDWR | O_CREAT, 0, &err);
	assert_true(first >= 0);
	assert_int_equal(file_lock(path, O_RDWR, 0, &err), -EBUSY);
	assert_sentence(&err, "another program has locked %s ('lslocks' shows the program); try again when the program has ended");
	assert_int_equal(file_lock(path, O_RDWR, 1, &err), -EBUSY);
	assert_sentence(&err, "another program has locked %s for 1 seconds ('lslocks' shows the program); try again when the program has ended");

	second = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(file_lock_fd(second, path, 1, &err), -EBUSY);
	assert_sentence(&err, "another program has locked %s for 1 seconds ('lslocks' shows the program); try again when the program has ended");
	close(first);
	assert_int_equal(file_lock_fd(second, path, 0, &err), 0);
	assert_int_equal(file_lock(path, O_RDWR, 0, &err), -EBUSY);
	close(second);
}

static void test_a_directory_is_locked(void **state)
{
	struct err err;
	int fd;

	(void)state;
	fd = file_lock(dir, O_RDONLY | O_DIRECTORY, 0, &err);
	assert_true(fd >= 0);
	assert_int_equal(file_lock(dir, O_RDONLY | O_DIRECTORY, 0, &err), -EBUSY);
	close(fd);
}

static void test_a_file_that_cannot_be_opened_or_locked_is_named(void **state)
{
	struct err err;
	int fd;

	(void)state;
	assert_int_equal(file_lock(path, O_RDWR, 5, &err), -ENOENT);
	assert_sentence(&err, "cannot open %s: No such file or directory");
	fd = open(dir, O_PATH | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(file_lock_fd(fd, path, 5, &err), -EBADF);
	assert_sentence(&err, "cannot lock %s: Bad file descriptor");
	close(fd);
}

/*
 * Removes the lock file, as its owner does when it releases the lock, and makes a new one, as a
 * third program does.
 */
static void replace_file(void)
{
	int fd;

	assert_int_equal(unlink(path), 0);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static void remove_file(void)
{
	assert_int_equal(unlink(path), 0);
}

static void test_a_removed_file_is_not_locked(void **state)
{
	void (*const change[])(void) = { replace_file, remove_file };
	struct stat mine, there;
	struct err err;
	int fd;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		before_flock = change[i];
		fd = file_lock(path, O_RDWR | O_CREAT, 0, &err);
		assert_true(fd >= 0);
		assert_null(before_flock);
		assert_int_equal(fstat(fd, &mine), 0);
		assert_int_equal(stat(path, &there), 0);
		assert_int_equal(mine.st_ino, there.st_ino);
		assert_int_equal(file_lock(path, O_RDWR, 0, &err), -EBUSY);
		close(fd);
	}
}

static int set_up(void **state)
{
	static const struct temp_file file = { dir, path };

	*state = (void *)&file;
	temp_dir_make(dir);
	snprintf(path, sizeof(path), "%s/lock", dir);
	return 0;
}

#define with_files(test)	cmocka_unit_test_setup_teardown(test, set_up, temp_file_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_files(test_a_lock_is_refused_while_another_program_has_it),
		with_files(test_a_directory_is_locked),
		with_files(test_a_file_that_cannot_be_opened_or_locked_is_named),
		with_files(test_a_removed_file_is_not_locked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
