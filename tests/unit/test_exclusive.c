// SPDX-License-Identifier: GPL-2.0-or-later
/* How probe.c finds out who has opened a device exclusively. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "devices_sim.h"
#include "dm_sim.h"
#include "erad/device/probe.h"

#define SDB	makedev(8, 16)

/*
 * Probes SDB. The next `busy` exclusive opens fail. The next `unlocked` looks for the lock of a
 * reader find no lock, and later looks find `reader` as its owner; 0: no owner.
 */
static enum probe_user probe(unsigned int busy, unsigned int unlocked, pid_t reader)
{
	struct err who;

	dm_sim = (struct dm_sim){ .slept_us = 0 };
	devices_busy_opens = busy;
	devices_unlocked_looks = unlocked;
	devices_reader = reader;
	return probe_user(SDB, "/dev/null", &who);
}

static void test_a_reader_that_has_no_lock_for_a_moment_is_no_writer(void **state)
{
	(void)state;
	devices_begin();
	devices_add("sdb", NULL, SDB);
	assert_int_equal(probe(0, 0, 0), PROBE_UNUSED);
	assert_int_equal(dm_sim.slept_us, 0);
	assert_int_equal(probe(1, 0, 7), PROBE_READER);
	assert_int_equal(dm_sim.slept_us, 0);
	/* The reader has opened the device, and takes the lock just after the first look. */
	assert_int_equal(probe(9, 1, 7), PROBE_READER);
	/* The reader was killed: the lock is gone, and the kernel closes the device soon. */
	assert_int_equal(probe(2, 0, 0), PROBE_UNUSED);
	assert_int_equal(probe(9, 0, 0), PROBE_USED);
	devices_busy_opens = 0;
	devices_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_reader_that_has_no_lock_for_a_moment_is_no_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
