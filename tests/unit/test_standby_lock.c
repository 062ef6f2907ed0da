// SPDX-License-Identifier: GPL-2.0-or-later
/* Which standby goes on, with processes that hold the locks of standbys. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/standby_lock.h"

static char path[] = "/tmp/test_standby_lock.XXXXXX";
static int lock_fd;

/* Starts a process that holds the lock of this generation. */
static pid_t start_standby(uint32_t generation)
{
	struct flock l = standby_lock_of(STANDBY_GOES_ON, generation, 1);
	int ready[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		if (!fcntl(lock_fd, F_SETLK, &l) && write(ready[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

/* Sends SIGTERM to a process that is stopped, so that the signal stays pending. */
static void tell_to_end(pid_t pid)
{
	int status;

	kill(pid, SIGSTOP);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	kill(pid, SIGTERM);
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static pid_t going_on(void)
{
	return standby_lock_going_on(lock_fd, UINT32_MAX);
}

static void test_a_standby_goes_on_until_it_is_told_to_end_or_has_ended(void **state)
{
	pid_t pid;

	(void)state;
	assert_int_equal(going_on(), 0);
	pid = start_standby(7);
	assert_int_equal(going_on(), pid);
	assert_int_equal(standby_lock_going_on(lock_fd, 8), pid);
	assert_int_equal(standby_lock_going_on(lock_fd, 7), 0);
	assert_int_equal(standby_lock_going_on(lock_fd, 0), 0);
	tell_to_end(pid);
	assert_int_equal(going_on(), 0);
	end(pid);
	pid = start_standby(8);
	kill(pid, SIGKILL);
	/* A zombie, or a process that the signal has not ended yet. */
	assert_int_equal(going_on(), 0);
	end(pid);
}

/* The kernel may report the locks of several standbys in any order. */
static void test_one_of_several_standbys_goes_on(void **state)
{
	uint32_t order[][3] = { { 3, 5, 9 }, { 9, 5, 3 }, { 5, 3, 9 }, { 5, 9, 3 }, { 3, 9, 5 }, { 9, 3, 5 } };
	pid_t pid[3];

	(void)state;
	for (size_t n = 0; n < sizeof(order) / sizeof(*order); n++) {
		for (size_t stays = 0; stays < 3; stays++) {
			for (size_t i = 0; i < 3; i++)
				pid[i] = start_standby(order[n][i]);
			for (size_t i = 0; i < 3; i++)
				if (i != stays)
					tell_to_end(pid[i]);
			assert_int_equal(going_on(), pid[stays]);
			assert_int_equal(standby_lock_going_on(lock_fd, order[n][stays]), 0);
			for (size_t i = 0; i < 3; i++)
				end(pid[i]);
		}
	}
}

static int set_up(void **state)
{
	(void)state;
	lock_fd = mkstemp(path);
	return lock_fd < 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(lock_fd);
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_standby_goes_on_until_it_is_told_to_end_or_has_ended),
		cmocka_unit_test(test_one_of_several_standbys_goes_on),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
