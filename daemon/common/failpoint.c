// SPDX-License-Identifier: GPL-2.0-or-later
/* Kills or stops the process at a point that a test has chosen: see failpoint.h. */
#include "common/failpoint.h"

#ifdef ERAD_FAILPOINTS
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char *const names[NR_FAILPOINTS] = {
#define FAILPOINT_NAME(name, ...)	#name,
	FAILPOINTS(FAILPOINT_NAME)
#undef FAILPOINT_NAME
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int fd = -1;
/* How often the chosen point was passed.  A process has only one chosen point in its life. */
static atomic_long passages;

static void open_failpoint_file(void)
{
	const char *path = getenv("ERAD_FAILPOINT");

	if (!path || !*path)
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "failpoint: cannot open %s: %m\n", path);
		abort();
	}
}

/* Returns whether this is the chosen passage of the chosen point.  If so, empties the file. */
static bool is_chosen(enum failpoint at, char how[8])
{
	char line[64], name[32];
	const ssize_t got = pread(fd, line, sizeof(line) - 1, 0);
	int len;
	long n;

	if (got <= 0)
		return false;
	line[got] = '\0';
	if (sscanf(line, "%31s %ld %7s", name, &n, how) < 2 || strcmp(name, names[at]) ||
	    atomic_fetch_add(&passages, 1) + 1 != n)
		return false;
	len = snprintf(line, sizeof(line), "failpoint %s\n", name);
	if (write(STDERR_FILENO, line, len) != len || ftruncate(fd, 0))
		abort();
	return true;
}

void failpoint(enum failpoint at)
{
	char how[8] = "kill", first;
	bool chosen;

	pthread_once(&once, open_failpoint_file);
	if (fd < 0 || pread(fd, &first, 1, 0) <= 0)
		return;
	/*
	 * Several processes may pass the point at the same time.  Only one of them is to be chosen.
	 */
	flock(fd, LOCK_EX);
	chosen = is_chosen(at, how);
	flock(fd, LOCK_UN);
	if (!chosen)
		return;
	if (!strcmp(how, "stop")) {
		/*
		 * raise() sends the signal to this thread.  With kill(), another thread could take
		 * the signal, and this thread could go on before the process stops.
		 */
		raise(SIGSTOP);
		return;
	}
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}
#endif
