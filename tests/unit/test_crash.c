// SPDX-License-Identifier: GPL-2.0-or-later
/* No crash loses an acknowledged mark or era: random histories, and the states that a crash can leave. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crash_sim.h"
#include "disk.h"
#include "model.h"
#include "rnd.h"

/* ERAD_SEED=n runs only the history with this seed.  ERAD_RUNS=n multiplies the number of histories. */
static void run_histories(const struct sim_config *c, uint64_t first, unsigned int histories)
{
	const char *seed = getenv("ERAD_SEED"), *runs = getenv("ERAD_RUNS");
	struct sim_stats st = { 0 };
	unsigned int i;
	bool ok = true;

	if (seed) {
		first = strtoull(seed, NULL, 0);
		histories = 1;
	} else if (runs) {
		histories *= atoi(runs);
	}
	for (i = 0; i < histories && ok; i++)
		ok = sim_run(c, first + i, &st);
	print_message("%" PRIu64 " histories, %" PRIu64 " flushes, %" PRIu64 " states, %" PRIu64
		      " recoveries\n", st.histories, st.flushes, st.states, st.recoveries);
	assert_true(ok);
}

/* The array has only three sectors, so that for nearly every flush all states are checked. */
static void test_small(void **state)
{
	static const struct sim_config c = {
		.nr_blocks = 300, .journal_pages = 16, .kinds = SIM_ALL, .steps = 30,
		.big_marks = 60, .limit = 600, .depth = 2, .rate = 60,
	};

	(void)state;
	run_histories(&c, 1, 170);
}

/* The only crashes are power failures, so the content of the disk is known exactly. */
static void test_no_faults(void **state)
{
	static const struct sim_config c = {
		.nr_blocks = 1500, .journal_pages = 16,
		.kinds = SIM_ALL & ~(SIM_KILL | SIM_FAULT), .steps = 60,
		.big_marks = 300, .limit = 100, .depth = 1, .rate = 40,
	};

	(void)state;
	run_histories(&c, 1000, 25);
}

/*
 * The number of journal pages is odd, so the journal wraps at different places. The array has two
 * chunks.
 */
static void test_ring(void **state)
{
	static const struct sim_config c = {
		.nr_blocks = 17000, .journal_pages = 17, .kinds = SIM_ALL, .steps = 100,
		.big_marks = 1024, .limit = 24, .depth = 1, .rate = 40,
	};

	(void)state;
	run_histories(&c, 2000, 8);
}

/* Groups have several journal pages, and are torn at any sector. */
static void test_groups(void **state)
{
	static const struct sim_config c = {
		.nr_blocks = 600000, .journal_pages = 18,
		.kinds = SIM_MARK | SIM_KILL | SIM_FAULT | SIM_POWER, .steps = 12,
		.big_marks = 1024, .limit = 12, .depth = 0, .rate = 1,
	};

	(void)state;
	run_histories(&c, 3000, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_no_faults),
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Limit the freed memory that AddressSanitizer keeps, because each state opens and closes a store.
 */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=8:detect_leaks=1";
}
