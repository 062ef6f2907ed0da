// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A function that runs in another process shares the memory of the calling process, but none of its
 * open files.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "erad/base/apart.h"

struct seen {
	int fd;			/* a file that is open in the caller */
	pid_t pid;
	int fd_errno;		/* errno of the use of fd in the new process; 0: it works */
	int opened;		/* the first file that the new process opens */
};

static int look(void *arg)
{
	struct seen *s = arg;

	s->pid = getpid();
	s->fd_errno = fcntl(s->fd, F_GETFD) < 0 ? errno : 0;
	s->opened = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return -ENXIO;
}

static void test_function_has_the_memory_and_no_open_file(void **state)
{
	struct seen s = { .fd = open("/dev/null", O_RDONLY | O_CLOEXEC), .opened = -1 };

	(void)state;
	assert_true(s.fd > 2);
	assert_int_equal(apart_run_within(60, look, &s), -ENXIO);
	assert_true(s.pid > 0 && s.pid != getpid());
	assert_int_equal(s.fd_errno, EBADF);
	assert_int_equal(s.opened, 0);
	/* The files of this process are still open. */
	assert_int_not_equal(fcntl(s.fd, F_GETFD), -1);
	assert_int_equal(close(s.fd), 0);
}

static int no_error(void *arg)
{
	(void)arg;
	return 0;
}

static void test_result_of_the_function_is_returned_each_time(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(apart_run_within(60, no_error, NULL), 0);
}

static int wait_long(void *arg)
{
	(void)arg;
	return nanosleep(&(struct timespec){ .tv_sec = 60 }, NULL) ? -errno : 0;
}

/* Begins to wait only after the limit. */
static int wait_late(void *arg)
{
	const time_t began = time(NULL);

	while (time(NULL) - began < 3)
		;
	return wait_long(arg);
}

static void test_a_system_call_that_begins_after_the_limit_is_interrupted(void **state)
{
	const time_t began = time(NULL);

	(void)state;
	assert_int_equal(apart_run_within(1, wait_late, NULL), -EINTR);
	assert_in_range(time(NULL) - began, 2, 20);
}

static void test_a_system_call_that_waits_too_long_is_interrupted(void **state)
{
	const time_t began = time(NULL);

	(void)state;
	assert_int_equal(apart_run_within(1, wait_long, NULL), -EINTR);
	assert_in_range(time(NULL) - began, 1, 20);
	assert_int_equal(apart_run_within(10, no_error, NULL), 0);
	/* apart_run_within() sets its timer in the new process, and not in this one. */
	assert_int_equal(alarm(0), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_function_has_the_memory_and_no_open_file),
		cmocka_unit_test(test_result_of_the_function_is_returned_each_time),
		cmocka_unit_test(test_a_system_call_that_waits_too_long_is_interrupted),
		cmocka_unit_test(test_a_system_call_that_begins_after_the_limit_is_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
