// SPDX-License-Identifier: GPL-2.0-or-later
/* Starts threads with small stacks and without signals: see thread.h. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "erad/base/thread.h"

static atomic_int usual;	/* niceness of threads for which no write waits */

/* A thread that was created in advance, and waits until thread_start() sets its function. */
struct spare {
	pthread_t id;
	void *(*fn)(void *arg);	/* under spares_lock: the function to run, or NULL if it is not set yet */
	void *arg;		/* under spares_lock: the argument of fn */
	pthread_cond_t wake;	/* signalled when fn has been set */
	struct spare *next;	/* under spares_lock: the next waiting thread */
};

static pthread_mutex_t spares_lock = PTHREAD_MUTEX_INITIALIZER;
static struct spare *spares;		/* under spares_lock: list of the waiting threads */
static unsigned int nr_spares;		/* spares_lock; length of this list */

static int create_thread(pthread_t *t, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int r;

	r = pthread_attr_init(&attr);
	if (r)
		return -r;
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	/*
	 * Block all signals in the new thread, so that the main loop receives them.  A thread
	 * inherits the signal mask.
	 */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(t, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -r;
}

static void *spare_thread(void *arg)
{
	struct spare *s = arg;
	void *(*fn)(void *arg);

	pthread_mutex_lock(&spares_lock);
	while (!s->fn)
		pthread_cond_wait(&s->wake, &spares_lock);
	fn = s->fn;
	arg = s->arg;
	pthread_mutex_unlock(&spares_lock);
	pthread_cond_destroy(&s->wake);
	free(s);
	return fn(arg);
}

static int add_spare(void)
{
	struct spare *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	pthread_cond_init(&s->wake, NULL);
	r = create_thread(&s->id, spare_thread, s);
	if (r) {
		pthread_cond_destroy(&s->wake);
		free(s);
		return r;
	}
	pthread_mutex_lock(&spares_lock);
	s->next = spares;
	spares = s;
	nr_spares++;
	pthread_mutex_unlock(&spares_lock);
	return 0;
}

int thread_reserve(unsigned int nr)
{
	unsigned int have;
	int r = 0;

	pthread_mutex_lock(&spares_lock);
	have = nr_spares;
	pthread_mutex_unlock(&spares_lock);
	for (; have < nr && !r; have++)
		r = add_spare();
	return r;
}

int thread_start(pthread_t *t, void *(*fn)(void *), void *arg)
{
	struct spare *s;

	pthread_mutex_lock(&spares_lock);
	s = spares;
	if (s) {
		spares = s->next;
		nr_spares--;
		*t = s->id;
		s->fn = fn;
		s->arg = arg;
		pthread_cond_signal(&s->wake);
	}
	pthread_mutex_unlock(&spares_lock);
	return s ? 0 : create_thread(t, fn, arg);
}

int thread_start_detached(void *(*fn)(void *), void *arg)
{
	pthread_t t;
	int r = thread_start(&t, fn, arg);

	if (!r)
		pthread_detach(t);
	return r;
}

void thread_name(const char *name)
{
	pthread_setname_np(pthread_self(), name);
}

/* On Linux, each thread has its own niceness, and PRIO_PROCESS with 0 means the calling thread. */
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
