// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls a function in a child process: see child.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file_lock.h"
#include "common/protocol.h"
#include "eractl/child.h"

#define LOCK_SECONDS	1

/* Calls fn(arg) with the lock.  If the lock file cannot be made, calls fn(arg) without it. */
static int call_locked(const char *lock, int (*fn)(const void *arg), const void *arg)
{
	char path[PATH_MAX];
	int fd, r;

	snprintf(path, sizeof(path), ERAD_RUN_DIR "/%s", lock);
	fd = file_lock(path, O_RDWR | O_CREAT, LOCK_SECONDS, NULL);
	if (fd == -EBUSY)
		return fd;
	r = fn(arg);
	if (fd >= 0)
		unlink(path);
	return r;
}

/* Runs in the child process. */
static void run_child(const char *lock, int (*fn)(const void *arg), const void *arg)
{
	close_range(0, ~0u, 0);
	if (open("/dev/null", O_RDWR) || dup(0) != 1 || dup(0) != 2 || chdir("/"))
		_exit(errno);
	_exit(-(lock ? call_locked(lock, fn, arg) : fn(arg)));
}

/* Returns the result of the child process, or ETIMEDOUT if it has not ended yet. */
static int wait_for_child(pid_t pid, unsigned int ms)
{
	struct pollfd p = { .fd = pidfd_open(pid, 0), .events = POLLIN };
	int r = -ETIMEDOUT, status;

	if (p.fd < 0)
		return -errno;
	while ((status = poll(&p, 1, ms)) < 0 && errno == EINTR)
		;
	if (status > 0 && waitpid(pid, &status, 0) == pid)
		r = WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
	close(p.fd);
	return r;
}

static int call_within(unsigned int ms, const char *lock, int (*fn)(const void *arg), const void *arg)
{
	const pid_t pid = fork();

	if (!pid)
		run_child(lock, fn, arg);
	return pid < 0 ? -errno : wait_for_child(pid, ms);
}

int child_call(const char *lock, int (*fn)(const void *arg), const void *arg)
{
	return call_within(CHILD_MS, lock, fn, arg);
}

int child_call_within(unsigned int ms, int (*fn)(const void *arg), const void *arg)
{
	return call_within(ms, NULL, fn, arg);
}
