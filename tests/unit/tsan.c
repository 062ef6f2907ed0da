// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Shows pthread_mutex_clocklock() to the thread sanitizer, because the sanitizer of GCC 12 does not
 * intercept this function.
 */
#ifdef __SANITIZE_THREAD__
#include <pthread.h>
#include <time.h>

#define NS	1000000000ll

static long long ns_of(const struct timespec *t)
{
	return t->tv_sec * NS + t->tv_nsec;
}

/*
 * The linker takes this function instead of the function of the C library.  The sanitizer does
 * intercept pthread_mutex_timedlock(), which has the same effect with a time of CLOCK_REALTIME.  If
 * somebody sets that clock during the wait, the wait is shorter or longer; no test sets the clock.
 */
int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until)
{
	struct timespec now, real;
	long long end;

	clock_gettime(clock, &now);
	clock_gettime(CLOCK_REALTIME, &real);
	end = ns_of(&real) + ns_of(until) - ns_of(&now);
	return pthread_mutex_timedlock(mutex, &(struct timespec){ .tv_sec = end / NS, .tv_nsec = end % NS });
}
#else
/* ISO C does not allow an empty file. */
typedef int tsan_unused;
#endif
