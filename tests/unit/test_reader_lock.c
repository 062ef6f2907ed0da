// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The lock of a program that reads a device: which process holds the lock, also after this process
 * was killed, and what happens without the directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/protocol.h"
#include "common/reader_lock.h"
#include "temp_dir.h"

#define DEVICE	makedev(8, 17)

static char dir[] = "/tmp/erad-reader-XXXXXX";
static char path[sizeof(dir) + 32];
static int mkdir_errno;

int __real_open(const char *name, int flags, ...);
int __wrap_open(const char *name, int flags, ...);
int __wrap_mkdir(const char *name, mode_t mode);

/* The locks are in the directory of the test. */
int __wrap_open(const char *name, int flags, ...)
{
	if (strncmp(name, ERAD_RUN_DIR "/", strlen(ERAD_RUN_DIR "/")))
		return __real_open(name, flags, 0600);
	assert_string_equal(name, ERAD_RUN_DIR "/reader-8:17.lock");
	return __real_open(path, flags, 0600);
}

int __wrap_mkdir(const char *name, mode_t mode)
{
	assert_string_equal(name, ERAD_RUN_DIR);
	assert_int_equal(mode, 0755);
	errno = mkdir_errno;
	return -1;
}

/* Starts a process that takes the lock, and waits until the process has tried. */
static pid_t start_reader(bool *taken)
{
	int pipes[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		/* If the test fails, nobody ends this process, so let it die with its parent. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		c = reader_lock_take(DEVICE) >= 0;
		if (write(pipes[1], &c, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(pipes[0], &c, 1), 1);
	close(pipes[0]);
	close(pipes[1]);
	*taken = c;
	return pid;
}

static void end_reader(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_the_owner_is_the_process_that_has_the_lock(void **state)
{
	bool taken;
	pid_t pid;

	(void)state;
	assert_int_equal(reader_lock_owner(DEVICE), 0);
	for (unsigned int i = 0; i < 2; i++) {
		pid = start_reader(&taken);
		assert_true(taken);
		assert_int_equal(reader_lock_owner(DEVICE), pid);
		/* A second process does not get the lock. */
		assert_int_equal(reader_lock_take(DEVICE), -1);
		assert_int_equal(reader_lock_owner(DEVICE), pid);
		end_reader(pid);
		/* The lock file still exists, but no process has the lock. */
		assert_int_equal(access(path, F_OK), 0);
		assert_int_equal(reader_lock_owner(DEVICE), 0);
	}
}

static void test_a_child_does_not_have_the_lock(void **state)
{
	const int fd = reader_lock_take(DEVICE);
	int status;
	pid_t pid;

	(void)state;
	assert_true(fd >= 0);
	pid = fork();
	if (!pid)
		_exit(reader_lock_owner(DEVICE) != getppid());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(fd);
	pid = fork();
	if (!pid)
		_exit(reader_lock_owner(DEVICE) != 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_without_the_directory_there_is_no_lock(void **state)
{
	(void)state;
	mkdir_errno = EROFS;
	assert_int_equal(reader_lock_take(DEVICE), -1);
	assert_int_equal(access(path, F_OK), -1);
}

static int set_up(void **state)
{
	static struct temp_file f = { dir, path };

	temp_dir_make(dir);
	snprintf(path, sizeof(path), "%s/lock", dir);
	mkdir_errno = EEXIST;
	*state = &f;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_owner_is_the_process_that_has_the_lock, set_up, temp_file_tear_down),
		cmocka_unit_test_setup_teardown(test_a_child_does_not_have_the_lock, set_up, temp_file_tear_down),
		cmocka_unit_test_setup_teardown(test_without_the_directory_there_is_no_lock, set_up, temp_file_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
