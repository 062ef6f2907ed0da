// SPDX-License-Identifier: GPL-2.0-or-later
/* Threads with small stacks and no signals. */
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "erad/thread.h"

static atomic_int usual;	/* the niceness of whoever starts a volume thread */

static int start(pthread_t *t, int detached, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int r;

	r = pthread_attr_init(&attr);
	if (r)
		return -r;
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	pthread_attr_setdetachstate(&attr, detached);
	/* The new thread inherits the mask: signals are the main loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(t, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -r;
}

int thread_start(pthread_t *t, void *(*fn)(void *), void *arg)
{
	return start(t, PTHREAD_CREATE_JOINABLE, fn, arg);
}

int thread_start_detached(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	return start(&t, PTHREAD_CREATE_DETACHED, fn, arg);
}

void thread_name(const char *name)
{
	pthread_setname_np(pthread_self(), name);
}

/* On Linux, priorities are those of single threads, and 0 is the calling one. */
void thread_first(void)
{
	atomic_store(&usual, getpriority(PRIO_PROCESS, 0));
	setpriority(PRIO_PROCESS, 0, -20);
}

void thread_usual(void)
{
	setpriority(PRIO_PROCESS, 0, atomic_load(&usual));
}

void thread_cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

struct timespec thread_deadline(unsigned int ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += ms / 1000;
	ts.tv_nsec += (long)(ms % 1000) * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	return ts;
}
