// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs a function in a process that shares erad's memory and none of its files: see apart.h. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "erad/base/apart.h"

#define STACK	(48u << 10)	/* bytes; less than THREAD_STACK */

struct job {
	int (*fn)(void *arg);
	void *arg;
	unsigned int seconds;
	int result;
};

static void interrupt(int sig)
{
	(void)sig;
}

/*
 * Runs in the new process, which has its own signal handlers and its own timer.  The signal comes
 * again each second: the first one may come just before fn calls the system call that waits.
 */
static void set_limit(unsigned int seconds)
{
	const struct itimerval limit = { .it_value.tv_sec = seconds, .it_interval.tv_sec = 1 };
	const struct sigaction sa = { .sa_handler = interrupt };	/* without SA_RESTART */
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigaction(SIGALRM, &sa, NULL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	setitimer(ITIMER_REAL, &limit, NULL);
}

static int run(void *arg)
{
	struct job *j = arg;

	close_range(0, ~0U, 0);
	set_limit(j->seconds);
	j->result = j->fn(j->arg);
	return 0;
}

int apart_run_within(unsigned int seconds, int (*fn)(void *arg), void *arg)
{
	struct job j = { .fn = fn, .arg = arg, .seconds = seconds, .result = -EIO };
	char stack[STACK] __attribute__((aligned(16)));
	sigset_t all, old;
	int r = 0;
	pid_t pid;

	/*
	 * Block all signals, because the new process must not run a signal handler of this process.
	 */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	/*
	 * CLONE_VM: without it, all memory would be copy-on-write, and a volume thread that writes
	 * to its memory would have to allocate pages.  CLONE_VFORK: this thread waits until the
	 * process has ended, because the process uses this stack frame and the thread's storage.
	 */
	pid = clone(run, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, &j);
	if (pid < 0)
		r = -errno;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r)
		return r;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return j.result;
}
