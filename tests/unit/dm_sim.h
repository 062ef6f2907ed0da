/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stand-in for libdevmapper with one device.
 *
 * A program that links this needs the linker's --wrap for each __wrap_ function of dm_sim.c.
 */
#ifndef ERAD_TEST_DM_SIM_H
#define ERAD_TEST_DM_SIM_H

#include <stdbool.h>
#include <stdint.h>

struct dm_sim {
	/* The device; a test sets and reads all of it. */
	bool exists, suspended, read_only;
	int open_count;
	unsigned int major, minor;
	uint64_t start, length;
	const char *type;		/* of the only target */
	char params[256];		/* of the live table */
	char loaded[300];		/* "LENGTH TYPE PARAMS", "" if nothing is loaded */
	/* The next task of that type fails with fail_errno, so many times. */
	int fail_type, fail_errno;
	unsigned int fail_times;
	/* After so many INFO tasks nobody has the device open. */
	unsigned int closed_after;
	char tasks[512];		/* what was run but INFO, each with a space behind */
	unsigned int live_tasks;	/* created and not destroyed */
	unsigned int cookies, waits;
};

extern struct dm_sim dm_sim;

#endif /* ERAD_TEST_DM_SIM_H */
