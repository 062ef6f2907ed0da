// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests in which order below.c takes the device of a volume from below logical volumes, and what is
 * changed after a step that failed, with stand-ins for the tables and for LVM.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>

#include <cmocka.h>

#include "common/below.h"
#include "common/lvm_filter.h"
#include "common/lvs.h"

#define DEVICE	makedev(253, 4)
#define ORIGIN	makedev(8, 16)
#define UUID	"ERAD-00010203-0405-0607-0809-0a0b0c0d0e0f"

/* The volume's device, and its two logical volumes.  Tests set and read these fields. */
static struct {
	const char *type, *params, *uuid;
	unsigned int nr_lines;		/* lines of the table, all with this type and these parameters */
	int open_count;
	unsigned int closed_after;	/* the open count is 2 after this many pauses; 0: never */
	unsigned int pauses;
	unsigned int nr_lvs;
	int filter;			/* answer of lvm_filter_has() */
	/* The function with this name fails, fail_times times. */
	const char *fail;
	int fail_errno;
	unsigned int fail_times;
	uint64_t linear_us, lvs_us;
	char calls[256];		/* functions that change something, each followed by a space */
	int lists;			/* number of lists that were made and not freed yet */
} sim;

static struct err err;
static uint64_t us;

int __wrap_dm_tables_read(dev_t dev, struct dm_device *out, struct err *e);
int __wrap_dm_tables_load_linear(const struct dm_device *d, uint64_t nr_sectors, dev_t to, struct err *e);
int __wrap_lvs_find(dev_t lower, dev_t but, struct lvs *out, struct err *e);
void __wrap_lvs_free(struct lvs *l);
int __wrap_lvs_lock(struct lvs *l, dev_t other, struct err *e);
int __wrap_lvs_load(struct lvs *l, dev_t from, dev_t to, struct err *e);
void __wrap_lvs_clear(const struct lvs *l);
int __wrap_lvs_swap(struct lvs *l, dm_swap_fn *given, uint64_t *swap_us, struct err *e);
int __wrap_lvm_filter_has(const char *path, const char *device, struct err *e);
int __wrap_nanosleep(const struct timespec *t, struct timespec *left);

static int step(const char *name, struct err *e)
{
	const size_t at = strlen(sim.calls);

	snprintf(sim.calls + at, sizeof(sim.calls) - at, "%s ", name);
	if (!sim.fail || strcmp(sim.fail, name) || !sim.fail_times)
		return 0;
	sim.fail_times--;
	return err_set(e, -sim.fail_errno, "%s failed", name);
}

int __wrap_dm_tables_read(dev_t dev, struct dm_device *out, struct err *e)
{
	assert_int_equal(dev, DEVICE);
	if (!sim.type)
		return err_set(e, -ENXIO, "no device");
	*out = (struct dm_device){ .dev = dev, .name = "pv", .open_count = sim.open_count, .nr = sim.nr_lines };
	strcpy(out->uuid, sim.uuid);
	out->line = calloc(sim.nr_lines, sizeof(*out->line));
	assert_non_null(out->line);
	for (unsigned int i = 0; i < sim.nr_lines; i++) {
		out->line[i].length = 1000;
		strcpy(out->line[i].type, sim.type);
		out->line[i].params = strdup(sim.params);
	}
	return 0;
}

int __wrap_dm_tables_load_linear(const struct dm_device *d, uint64_t nr_sectors, dev_t to, struct err *e)
{
	assert_int_equal(d->dev, DEVICE);
	assert_int_equal(nr_sectors, 1000);
	assert_int_equal(to, ORIGIN);
	return step("load-linear", e);
}

static int swap(const struct dm_device *d, uint64_t *swap_us, struct err *e)
{
	assert_int_equal(d->dev, DEVICE);
	*swap_us = sim.linear_us;
	return step("swap-linear", e);
}

int __wrap_lvs_find(dev_t lower, dev_t but, struct lvs *out, struct err *e)
{
	assert_int_equal(lower, DEVICE);
	assert_int_equal(but, 0);
	if (sim.fail && !strcmp(sim.fail, "find"))
		return err_set(e, -sim.fail_errno, "find failed");
	*out = (struct lvs){ .lower = lower, .nr = sim.nr_lvs };
	sim.lists++;
	return 0;
}

void __wrap_lvs_free(struct lvs *l)
{
	assert_int_equal(l->lower, DEVICE);
	sim.lists--;
}

int __wrap_lvs_lock(struct lvs *l, dev_t other, struct err *e)
{
	assert_int_equal(l->lower, DEVICE);
	assert_int_equal(other, ORIGIN);
	return step("lock", e);
}

int __wrap_lvs_load(struct lvs *l, dev_t from, dev_t to, struct err *e)
{
	assert_int_equal(l->lower, DEVICE);
	assert_int_equal(from, DEVICE);
	assert_int_equal(to, ORIGIN);
	return step("load", e);
}

void __wrap_lvs_clear(const struct lvs *l)
{
	assert_int_equal(l->lower, DEVICE);
	step("clear", NULL);
}

int __wrap_lvs_swap(struct lvs *l, dm_swap_fn *given, uint64_t *swap_us, struct err *e)
{
	assert_ptr_equal(given, swap);
	assert_int_equal(l->lower, DEVICE);
	*swap_us = sim.lvs_us;
	return step("swap", e);
}

int __wrap_lvm_filter_has(const char *path, const char *device, struct err *e)
{
	assert_string_equal(path, LVM_FILTER_FILE);
	assert_string_equal(device, "/dev/sdb");
	return sim.filter < 0 ? err_set(e, sim.filter, "cannot read LVM's configuration") : sim.filter;
}

int __wrap_nanosleep(const struct timespec *t, struct timespec *left)
{
	assert_true(t->tv_nsec);
	assert_null(left);
	if (++sim.pauses == sim.closed_after)
		sim.open_count = 2;
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof(sim));
	sim.type = "erad";
	sim.params = "- 8:16 128";
	sim.uuid = UUID;
	sim.nr_lines = 1;
	sim.open_count = 2;
	sim.nr_lvs = 2;
	sim.linear_us = 30;
	sim.lvs_us = 20;
	us = 1;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return sim.lists;
}

static void let_fail(const char *name, int code, unsigned int times)
{
	sim.fail = name;
	sim.fail_errno = code;
	sim.fail_times = times;
}

static void make_linear(void)
{
	sim.type = "linear";
	sim.params = "8:16 0";
}

static void test_detach_stops_tracking_before_it_moves_logical_volumes(void **state)
{
	(void)state;
	assert_int_equal(below_detach(DEVICE, false, swap, &us, &err), 0);
	assert_string_equal(sim.calls, "lock load load-linear swap-linear swap ");
	assert_int_equal(us, 30);
}

static void test_detach_goes_on_after_one_that_was_killed(void **state)
{
	(void)state;
	make_linear();
	assert_int_equal(below_detach(DEVICE, true, swap, &us, &err), 0);
	assert_string_equal(sim.calls, "lock load swap ");
	assert_int_equal(us, 20);
}

static void test_detach_changes_nothing_without_the_lock(void **state)
{
	(void)state;
	let_fail("lock", ETIMEDOUT, 2);
	assert_int_equal(below_detach(DEVICE, false, swap, &us, &err), -ETIMEDOUT);
	assert_string_equal(sim.calls, "lock ");
	assert_int_equal(us, 0);
}

static void test_detach_lets_writes_pass_if_a_command_that_waits_for_one_has_the_lock(void **state)
{
	(void)state;
	let_fail("lock", ETIMEDOUT, 1);
	assert_int_equal(below_detach(DEVICE, true, swap, &us, &err), 0);
	assert_string_equal(sim.calls, "lock load-linear swap-linear lock load swap ");
	assert_int_equal(us, 30);
}

static void test_detach_lets_no_write_pass_for_another_error_of_the_lock(void **state)
{
	(void)state;
	let_fail("lock", EBUSY, 1);
	assert_int_equal(below_detach(DEVICE, true, swap, &us, &err), -EBUSY);
	assert_string_equal(sim.calls, "lock ");
}

static void test_detach_says_that_the_volume_is_not_tracked_any_more(void **state)
{
	(void)state;
	let_fail("lock", ETIMEDOUT, 2);
	assert_int_equal(below_detach(DEVICE, true, swap, &us, &err), -ETIMEDOUT);
	assert_string_equal(sim.calls, "lock load-linear swap-linear lock ");
	assert_non_null(strstr(err.msg, "lock failed"));
	assert_non_null(strstr(err.msg, "the volume is not tracked any more: run 'eractl detach' again"));
}

static void test_detach_waits_for_a_program_that_has_the_device_open_for_a_moment(void **state)
{
	(void)state;
	sim.open_count = 3;
	sim.closed_after = 5;
	assert_int_equal(below_detach(DEVICE, false, swap, &us, &err), 0);
	assert_int_equal(sim.pauses, 5);
	assert_string_equal(sim.calls, "lock load load-linear swap-linear swap ");
}

static void test_detach_of_a_device_that_others_use_changes_nothing(void **state)
{
	(void)state;
	sim.open_count = 3;
	assert_int_equal(below_detach(DEVICE, false, swap, &us, &err), -EBUSY);
	assert_string_equal(sim.calls, "lock ");
	assert_non_null(strstr(err.msg, "it is open 3 times, expected 2"));
}

static void test_detach_whose_linear_table_fails_drops_the_tables_of_logical_volumes(void **state)
{
	(void)state;
	let_fail("load-linear", ENOMEM, 1);
	assert_int_equal(below_detach(DEVICE, false, swap, &us, &err), -ENOMEM);
	assert_string_equal(sim.calls, "lock load load-linear clear ");
	*sim.calls = 0;
	let_fail("swap-linear", EIO, 1);
	assert_int_equal(below_detach(DEVICE, false, swap, &us, &err), -EIO);
	assert_string_equal(sim.calls, "lock load load-linear swap-linear clear ");
}

static void test_detach_goes_on_tracking_if_no_table_can_be_loaded(void **state)
{
	(void)state;
	let_fail("find", EOPNOTSUPP, 1);
	assert_int_equal(below_detach(DEVICE, false, swap, &us, &err), -EOPNOTSUPP);
	assert_string_equal(sim.calls, "");
	let_fail("load", ENOMEM, 1);
	assert_int_equal(below_detach(DEVICE, false, swap, &us, &err), -ENOMEM);
	assert_string_equal(sim.calls, "lock load ");
}

static void test_detach_reports_a_logical_volume_that_was_not_moved(void **state)
{
	(void)state;
	sim.lvs_us = 90;
	let_fail("swap", EIO, 1);
	assert_int_equal(below_detach(DEVICE, false, swap, &us, &err), -EIO);
	assert_string_equal(err.msg, "swap failed");
	assert_int_equal(us, 90);
}

static void refused(void)
{
	assert_int_equal(below_detach(DEVICE, true, swap, &us, &err), -EOPNOTSUPP);
	assert_string_equal(err.msg, "/dev/mapper/pv has a table that erad has not made");
	assert_int_equal(below_pass(DEVICE, swap, &us, &err), -EOPNOTSUPP);
	assert_string_equal(sim.calls, "");
}

static void test_tables_of_others_are_not_replaced(void **state)
{
	(void)state;
	make_linear();
	sim.nr_lines = 2;
	refused();
	sim.nr_lines = 1;
	sim.uuid = "LVM-00010203040506070809";
	refused();
	sim.uuid = UUID;
	sim.type = "crypt";
	refused();
	sim.type = "erad";
	sim.params = "-";
	refused();
	sim.params = "- 8";
	refused();
}

static void test_pass_replaces_only_an_erad_table(void **state)
{
	(void)state;
	assert_true(below_tracked(DEVICE));
	assert_int_equal(below_pass(DEVICE, swap, &us, &err), 0);
	assert_string_equal(sim.calls, "load-linear swap-linear ");
	assert_int_equal(us, 30);
	*sim.calls = 0;
	make_linear();
	assert_false(below_tracked(DEVICE));
	assert_int_equal(below_pass(DEVICE, swap, &us, &err), 0);
	assert_string_equal(sim.calls, "");
	assert_int_equal(us, 0);
}

static void test_device_that_is_gone_is_not_tracked(void **state)
{
	(void)state;
	sim.type = NULL;
	assert_false(below_tracked(DEVICE));
	assert_false(below_tracked(0));
	assert_int_equal(below_pass(DEVICE, swap, &us, &err), -ENXIO);
	assert_int_equal(below_detach(DEVICE, true, swap, &us, &err), -ENXIO);
}

static void test_volume_was_attached_if_its_device_or_the_configuration_says_this(void **state)
{
	(void)state;
	/* The logical volumes on the device are enough to show that the volume was attached. */
	assert_int_equal(below_check(DEVICE, "pv", "/dev/sdb", &err), 0);
	sim.filter = -EIO;
	assert_int_equal(below_check(DEVICE, "pv", "/dev/sdb", &err), 0);
	/* The line in LVM's configuration is enough, too. */
	sim.nr_lvs = 0;
	sim.filter = 1;
	assert_int_equal(below_check(DEVICE, "pv", "/dev/sdb", &err), 0);
	assert_int_equal(below_check(0, "pv", "/dev/sdb", &err), 0);
	/*
	 * A configuration that cannot be read does not show whether the volume was attached or
	 * created, so the check fails.
	 */
	sim.filter = -EIO;
	assert_int_equal(below_check(DEVICE, "pv", "/dev/sdb", &err), -EIO);
	assert_string_equal(err.msg, "cannot read LVM's configuration");
	assert_int_equal(below_check(0, "pv", "/dev/sdb", &err), -EIO);
	sim.filter = 0;
	assert_int_equal(below_check(DEVICE, "pv", "/dev/sdb", &err), -EINVAL);
	assert_non_null(strstr(err.msg, "'eractl close pv' and 'eractl forget pv'"));
	assert_int_equal(below_check(0, "pv", "/dev/sdb", &err), -EINVAL);
	let_fail("find", EOPNOTSUPP, 1);
	assert_int_equal(below_check(DEVICE, "pv", "/dev/sdb", &err), -EOPNOTSUPP);
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_detach_stops_tracking_before_it_moves_logical_volumes),
		TEST(test_detach_goes_on_after_one_that_was_killed),
		TEST(test_detach_changes_nothing_without_the_lock),
		TEST(test_detach_lets_writes_pass_if_a_command_that_waits_for_one_has_the_lock),
		TEST(test_detach_lets_no_write_pass_for_another_error_of_the_lock),
		TEST(test_detach_says_that_the_volume_is_not_tracked_any_more),
		TEST(test_detach_waits_for_a_program_that_has_the_device_open_for_a_moment),
		TEST(test_detach_of_a_device_that_others_use_changes_nothing),
		TEST(test_detach_whose_linear_table_fails_drops_the_tables_of_logical_volumes),
		TEST(test_detach_goes_on_tracking_if_no_table_can_be_loaded),
		TEST(test_detach_reports_a_logical_volume_that_was_not_moved),
		TEST(test_tables_of_others_are_not_replaced),
		TEST(test_pass_replaces_only_an_erad_table),
		TEST(test_device_that_is_gone_is_not_tracked),
		TEST(test_volume_was_attached_if_its_device_or_the_configuration_says_this),
	};

	return cmocka_run_group_tests_name("below", tests, NULL, NULL);
}
