/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stand-in for libdevmapper with one device.
 *
 * A program that links this file needs the linker's --wrap for each __wrap_ function of dm_sim.c.
 */
#ifndef ERAD_TEST_DM_SIM_H
#define ERAD_TEST_DM_SIM_H

#include <stdbool.h>
#include <stdint.h>

struct dm_sim {
	/* The device.  Tests set and read these fields. */
	bool exists, suspended, read_only;
	int open_count;
	const char *uuid;		/* the device-mapper UUID; NULL: "" */
	unsigned int major, minor;
	uint64_t start, length;
	const char *type;		/* type of the live table's only target */
	char params[256];		/* parameters of the live table's only target */
	char loaded[300];		/* the inactive table as "LENGTH TYPE PARAMS"; "" if there is none */
	/* The next fail_times tasks of type fail_type fail with fail_errno. */
	int fail_type, fail_errno;
	unsigned int fail_times;
	/* the device is closed after this many INFO tasks */
	unsigned int closed_after;
	char tasks[512];		/* types of the tasks that were run, except INFO, each followed by a space */
	unsigned int live_tasks;	/* how many tasks were created and are not destroyed yet */
	unsigned int cookies, waits;
	bool udev_lost;			/* udev processes no event, so only dm_udev_complete() ends a wait */
	unsigned int completed;		/* how often dm_udev_complete() was called */
	/* The time by CLOCK_MONOTONIC.  usleep() returns at once, and advances it. */
	_Atomic uint64_t slept_us;
	void (*during_run)(void);	/* called while a task other than INFO runs; or NULL */
};

extern struct dm_sim dm_sim;

#endif /* ERAD_TEST_DM_SIM_H */
