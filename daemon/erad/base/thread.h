/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Creates threads with small stacks and without signals, and reads a clock that nobody can set. */
#ifndef ERAD_THREAD_H
#define ERAD_THREAD_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define THREAD_STACK	(256u << 10)	/* stack of a thread in bytes; all of it is locked memory */

/* How many threads a process with nr_volumes volumes needs, besides its main thread. */
#define THREADS_EACH	3u		/* threads of a volume: volume, fold and message thread */
#define THREADS_MORE	5u		/* other threads: adopter, reserve, guests, two requests */
static inline unsigned int thread_needed(unsigned int nr_volumes)
{
	return nr_volumes * THREADS_EACH + THREADS_MORE;
}

/*
 * Creates threads in advance until nr threads wait for thread_start().  After that, nr calls of
 * thread_start() need no memory, not even from the kernel.  Returns 0 or a negative errno; on
 * failure, the threads that were created stay.  Two threads must not call this at the same time.
 */
int thread_reserve(unsigned int nr);

/*
 * Runs fn(arg) in a thread that thread_reserve() has created, or in a new thread if none is left.
 * Returns 0 or a negative errno.
 */
int thread_start(pthread_t *t, void *(*fn)(void *), void *arg);
int thread_start_detached(void *(*fn)(void *), void *arg);

/* Sets the name of the calling thread, which `top -H` and `ps -L` show: at most 15 characters. */
void thread_name(const char *name);

/*
 * Raises the priority of the calling thread.  Call this in a thread for which writes wait.  Sets
 * its niceness to the niceness of the kernel's workers in the path of writes, if erad is allowed
 * to.  A new thread inherits the niceness of the thread that creates it.
 */
void thread_first(void);
/*
 * Sets the niceness with which erad was started.  Call this in a thread when no write waits for the
 * thread.
 */
void thread_usual(void);

/* Initializes a condition variable whose timeouts use the clock of thread_deadline(). */
void thread_cond_init(pthread_cond_t *c);

/* Returns the time ms milliseconds from now. */
struct timespec thread_deadline(unsigned int ms);

/* Returns the microseconds since the same fixed moment as thread_now_ms(). */
static inline uint64_t thread_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Returns the milliseconds since a fixed moment, by CLOCK_MONOTONIC. */
static inline uint64_t thread_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

#endif /* ERAD_THREAD_H */
