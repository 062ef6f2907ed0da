// SPDX-License-Identifier: GPL-2.0-or-later
/* Removing a metadata file, or moving it aside, never affects another file at the same path. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/aside.h"
#include "temp_dir.h"

static char dir[] = "/var/tmp/erad-test-XXXXXX", path[128], other[128], aside[PATH_MAX];

static void make_file(const char *file, const char *text, struct stat *st)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	if (st)
		assert_int_equal(fstat(fileno(f), st), 0);
	assert_int_equal(fclose(f), 0);
}

static void assert_holds(const char *file, const char *text)
{
	char got[64] = "";
	FILE *f = fopen(file, "r");

	assert_non_null(f);
	assert_non_null(fgets(got, sizeof(got), f));
	fclose(f);
	assert_string_equal(got, text);
}

static int setup(void **state)
{
	(void)state;
	temp_dir_make(dir);
	snprintf(path, sizeof(path), "%s/meta", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	return 0;
}

/* Check that the directory contains no other file. */
static int teardown(void **state)
{
	(void)state;
	unlink(other);
	return temp_dir_remove(dir, path);
}

static void test_the_file_that_is_meant_is_removed(void **state)
{
	struct stat st;

	(void)state;
	make_file(path, "mine", &st);
	assert_int_equal(aside_remove(path, &st), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(aside_remove(path, &st), -ENOENT);
}

static void test_another_file_stays(void **state)
{
	struct stat st;

	(void)state;
	make_file(path, "mine", &st);
	assert_int_equal(rename(path, other), 0);
	make_file(path, "precious", NULL);
	assert_int_equal(aside_remove(path, &st), -ESTALE);
	assert_holds(path, "precious");
	assert_holds(other, "mine");
	assert_int_equal(aside_move(path, &st, aside), -ESTALE);
	assert_string_equal(aside, "");
	assert_holds(path, "precious");
}

static void test_a_file_returns_but_replaces_no_other(void **state)
{
	struct stat st;

	(void)state;
	make_file(path, "mine", &st);
	assert_int_equal(aside_move(path, &st, aside), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_holds(aside, "mine");
	make_file(path, "precious", NULL);
	assert_int_equal(aside_return(aside, path), -EEXIST);
	assert_holds(path, "precious");
	assert_holds(aside, "mine");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(aside_return(aside, path), 0);
	assert_holds(path, "mine");
}

/*
 * The link leads to a file, which is the metadata file or another file.  This file is kept in both
 * cases.
 */
static void test_behind_a_link_the_link_is_removed(void **state)
{
	struct stat st;

	(void)state;
	make_file(other, "mine", &st);
	assert_int_equal(symlink("other", path), 0);
	assert_int_equal(aside_remove(path, &st), 0);
	assert_holds(other, "mine");
	assert_int_equal(symlink("other", path), 0);
	st.st_ino++;
	assert_int_equal(aside_remove(path, &st), -ESTALE);
	assert_holds(path, "mine");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_file_that_is_meant_is_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_file_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_file_returns_but_replaces_no_other, setup, teardown),
		cmocka_unit_test_setup_teardown(test_behind_a_link_the_link_is_removed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
