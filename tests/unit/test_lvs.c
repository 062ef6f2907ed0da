// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests which tables logical volumes have after a step of their move that failed, and which changes
 * of a list are found, with stand-ins for the tables.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "common/lvs.h"

#define NR	3

static char calls[256];			/* one word for each call that changes something */
static const char *failing;		/* NULL, or words with spaces around them: these calls fail */
static struct dm_device lv[NR];
static struct lvs lvs;
static struct err err;
static uint64_t us;

int __wrap_dm_tables_load(const struct dm_device *d, dev_t from, dev_t to, struct err *e);
int __wrap_dm_tables_clear(const struct dm_device *d);

/* Notes the call "WHAT-NAME". */
static int step(const char *what, const struct dm_device *d, struct err *e)
{
	char word[DM_NAME_LEN + 16];

	snprintf(word, sizeof(word), " %s-%s ", what, d->name);
	strncat(calls, word + 1, sizeof(calls) - strlen(calls) - 1);
	return failing && strstr(failing, word) ? err_set(e, -EIO, "%s-%s failed", what, d->name) : 0;
}

int __wrap_dm_tables_load(const struct dm_device *d, dev_t from, dev_t to, struct err *e)
{
	if (!from) {
		assert_int_equal(to, 0);
		return step("old", d, e);
	}
	assert_int_equal(from, makedev(8, 1));
	assert_int_equal(to, makedev(253, 9));
	return step("new", d, e);
}

static int swap_table(const struct dm_device *d, uint64_t *swap_us, struct err *e)
{
	/* The swap of the second device takes longest. */
	*swap_us = d == &lv[1] ? 50 : 20;
	return step("swap", d, e);
}

int __wrap_dm_tables_clear(const struct dm_device *d)
{
	return step("clear", d, NULL);
}

static int set_up(void **state)
{
	(void)state;
	*calls = 0;
	failing = NULL;
	for (int i = 0; i < NR; i++)
		snprintf(lv[i].name, sizeof(lv[i].name), "%c", 'a' + i);
	lvs = (struct lvs){ .lv = lv, .nr = NR };
	return 0;
}

static int load(void)
{
	return lvs_load(&lvs, makedev(8, 1), makedev(253, 9), &err);
}

static void test_all_tables_are_loaded_and_then_used(void **state)
{
	(void)state;
	assert_int_equal(load(), 0);
	assert_int_equal(lvs_swap(&lvs, swap_table, &us, &err), 0);
	assert_string_equal(calls, "new-a new-b new-c swap-a swap-b swap-c ");
	assert_int_equal(us, 50);
}

static void test_no_device_keeps_a_new_table_if_one_cannot_be_loaded(void **state)
{
	(void)state;
	failing = " new-b ";
	assert_int_equal(load(), -EIO);
	assert_string_equal(calls, "new-a new-b clear-a clear-b clear-c ");
	assert_string_equal(err.msg, "new-b failed");
}

static void test_swap_that_fails_puts_the_old_tables_back(void **state)
{
	(void)state;
	failing = " swap-c ";
	assert_int_equal(lvs_swap(&lvs, swap_table, &us, &err), -EIO);
	/* The inactive table of c is dropped, so that nothing puts this table into use later. */
	assert_string_equal(calls, "swap-a swap-b swap-c clear-a clear-b clear-c old-a swap-a old-b swap-b ");
	assert_string_equal(err.msg, "swap-c failed");
}

static void test_device_that_keeps_its_new_table_is_named(void **state)
{
	(void)state;
	failing = " swap-c old-a ";
	assert_int_equal(lvs_swap(&lvs, swap_table, &us, &err), -EIO);
	/* Device b gets its old table back, although this has failed for device a. */
	assert_string_equal(calls, "swap-a swap-b swap-c clear-a clear-b clear-c old-a old-b swap-b ");
	assert_string_equal(err.msg, "swap-c failed; undoing this failed, too: /dev/mapper/a still has its new table: old-a failed");
}

static void test_last_device_that_keeps_its_new_table_is_named(void **state)
{
	(void)state;
	failing = " swap-c old-a old-b ";
	assert_int_equal(lvs_swap(&lvs, swap_table, &us, &err), -EIO);
	assert_string_equal(err.msg, "swap-c failed; undoing this failed, too: /dev/mapper/b still has its new table: old-b failed");
}

/* Checks that the lists differ, and that the message is this. */
static void differs(const struct lvs *now, const char *message)
{
	assert_int_equal(lvs_compare(&lvs, now, &err), -EBUSY);
	assert_string_equal(err.msg, message);
}

static void test_list_that_has_changed_is_found(void **state)
{
	char params[] = "8:1 0", others[] = "8:1 8";
	struct dm_line line[2] = { { 0, 100, "linear", params }, { 100, 100, "linear", params } };
	struct dm_device other[NR];
	struct lvs now = { .lv = other, .nr = NR };

	(void)state;
	for (int i = 0; i < NR; i++) {
		lv[i].dev = makedev(253, i);
		snprintf(lv[i].uuid, sizeof(lv[i].uuid), "LVM-%d", i);
		lv[i].line = line;
		lv[i].nr = 1;
		/* The order of the devices does not matter. */
		other[NR - 1 - i] = lv[i];
	}
	assert_int_equal(lvs_compare(&lvs, &now, &err), 0);
	now.nr--;
	differs(&now, "/dev/mapper/a is gone");
	now.nr++;
	strcpy(other[2].name, "z");
	differs(&now, "/dev/mapper/a was renamed to z");
	strcpy(other[2].name, "a");
	/* Another device with the same number has another UUID. */
	strcpy(other[2].uuid, "LVM-9");
	differs(&now, "/dev/mapper/a was added");
	strcpy(other[2].uuid, "LVM-0");
	other[2].nr = 2;
	differs(&now, "/dev/mapper/a has another table now");
	other[2].nr = 1;
	other[2].line = &(struct dm_line){ 0, 100, "linear", others };
	differs(&now, "/dev/mapper/a has another table now");
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, set_up, NULL)
	const struct CMUnitTest tests[] = {
		TEST(test_all_tables_are_loaded_and_then_used),
		TEST(test_no_device_keeps_a_new_table_if_one_cannot_be_loaded),
		TEST(test_swap_that_fails_puts_the_old_tables_back),
		TEST(test_device_that_keeps_its_new_table_is_named),
		TEST(test_last_device_that_keeps_its_new_table_is_named),
		TEST(test_list_that_has_changed_is_found),
	};

	return cmocka_run_group_tests_name("lvs", tests, NULL, NULL);
}
