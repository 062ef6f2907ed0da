// SPDX-License-Identifier: GPL-2.0-or-later
/* The clock of the fuzz targets: the time depends only on how often it was asked for, so that a run can be repeated. */
#include <time.h>

#define STEP_NS	1000000L	/* for each call */

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);

/* Linked in the place of clock_gettime().  libFuzzer's own calls do not come here. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	static long long now = 1000 * STEP_NS;

	(void)clock;
	now += STEP_NS;
	ts->tv_sec = now / 1000000000;
	ts->tv_nsec = now % 1000000000;
	return 0;
}
