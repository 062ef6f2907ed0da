/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Creates threads with small stacks and without signals, and reads a clock that nobody can set. */
#ifndef ERAD_THREAD_H
#define ERAD_THREAD_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define THREAD_STACK	(256u << 10)	/* bytes; the whole stack is locked memory */

/* How many threads a process that serves nr_volumes needs, besides its main thread. */
#define THREADS_EACH	3u		/* for a volume: commit, fold and message thread */
#define THREADS_MORE	5u		/* adopter, reserve, guests, and requests */
static inline unsigned int thread_needed(unsigned int nr_volumes)
{
	return nr_volumes * THREADS_EACH + THREADS_MORE;
}

/*
 * Creates threads in advance until nr threads wait for thread_start().  With such a thread,
 * thread_start() needs no memory, not even from the kernel.  Returns 0 or a negative errno; on
 * failure the threads created so far remain.  Two threads must not call this at the same time.
 */
int thread_reserve(unsigned int nr);

/* Runs fn(arg) in a thread: one of thread_reserve() if one waits, else a new one.  Returns 0 or a negative errno. */
int thread_start(pthread_t *t, void *(*fn)(void *), void *arg);
int thread_start_detached(void *(*fn)(void *), void *arg);

/* Sets the name of the calling thread, which `top -H` and `ps -L` show: at most 15 characters. */
void thread_name(const char *name);

/*
 * For a thread for which writes wait: sets the calling thread's niceness to that of the kernel's
 * workers in the path of writes, if that is allowed.  New threads inherit the niceness of the
 * thread that creates them.
 */
void thread_first(void);
/* For a thread for which writes do not wait, or wait no longer: sets the niceness with which erad was started. */
void thread_usual(void);

/* Initializes a condition variable whose timeouts use the clock of thread_deadline(). */
void thread_cond_init(pthread_cond_t *c);

/* Returns the time ms milliseconds from now. */
struct timespec thread_deadline(unsigned int ms);

/* Returns the milliseconds since a fixed moment, by CLOCK_MONOTONIC. */
static inline uint64_t thread_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

#endif /* ERAD_THREAD_H */
