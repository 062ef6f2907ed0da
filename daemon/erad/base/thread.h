/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads with small stacks and no signals, and time that nobody sets back. */
#ifndef ERAD_THREAD_H
#define ERAD_THREAD_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define THREAD_STACK	(256u << 10)	/* all of it is locked memory */

/* What a process that serves so many volumes has use for, besides its main thread. */
#define THREADS_EACH	3u		/* for a volume: commit, fold and message thread */
#define THREADS_MORE	5u		/* adopter, reserve, guests, and requests */
static inline unsigned int thread_needed(unsigned int nr_volumes)
{
	return nr_volumes * THREADS_EACH + THREADS_MORE;
}

/*
 * Creates threads in advance, so that nr wait for a thread_start().  Then starting a thread needs
 * no memory, from the kernel either.  0 or a negative errno; the threads created so far remain.
 * Not for two threads at once.
 */
int thread_reserve(unsigned int nr);

/* 0 or a negative errno.  A thread of thread_reserve() is taken, if there is one. */
int thread_start(pthread_t *t, void *(*fn)(void *), void *arg);
int thread_start_detached(void *(*fn)(void *), void *arg);

/* What `top -H` and `ps -L` call the calling thread: at most 15 characters. */
void thread_name(const char *name);

/*
 * Writes wait for the calling thread: it gets the niceness that the kernel's own workers in
 * their path have, where that is allowed.  Threads that it starts inherit that.
 */
void thread_first(void);
/* They do not, or no more: back to the niceness that erad was started with. */
void thread_usual(void);

/* A condition variable that waits by the clock of thread_deadline(). */
void thread_cond_init(pthread_cond_t *c);

/* ms milliseconds from now. */
struct timespec thread_deadline(unsigned int ms);

/* Milliseconds since some fixed moment. */
static inline uint64_t thread_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

#endif /* ERAD_THREAD_H */
