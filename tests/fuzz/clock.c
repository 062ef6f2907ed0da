// SPDX-License-Identifier: GPL-2.0-or-later
/* The clock of the fuzz targets. It advances only with each call, so that a run can be repeated. */
#include <time.h>

#define STEP_NS	1000000L	/* how far each call advances the clock, in ns */

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);

/* Replaces clock_gettime(), using the linker's --wrap.  Calls by libFuzzer are not replaced. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	static long long now = 1000 * STEP_NS;

	(void)clock;
	now += STEP_NS;
	ts->tv_sec = now / 1000000000;
	ts->tv_nsec = now % 1000000000;
	return 0;
}
