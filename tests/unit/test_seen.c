// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The note of the newest token: only a newer era replaces the note, and only a token of the volume
 * is accepted.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/seen.h"
#include "temp_dir.h"

static char top[] = "/tmp/test_seen.XXXXXX";
static char dir[64];

static int set_up(void **state)
{
	(void)state;
	temp_dir_make(top);
	snprintf(dir, sizeof(dir), "%s/seen", top);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	/* The directory is empty, because seen_remove() has removed the subdirectory. */
	return rmdir(top);
}

static const struct token first = { .uuid = { 1 }, .timeline = 7, .era = 5 };

static void assert_seen(const struct token *expected)
{
	struct token t;

	assert_int_equal(seen_read(dir, expected->uuid, &t), 0);
	assert_memory_equal(t.uuid, expected->uuid, sizeof(t.uuid));
	assert_true(t.timeline == expected->timeline && t.era == expected->era);
}

static void test_the_newest_era_of_each_volume_is_kept(void **state)
{
	struct token t = first, other = { .uuid = { 2 }, .timeline = 9, .era = 1 };

	(void)state;
	assert_int_equal(seen_read(dir, first.uuid, &t), -ENOENT);
	assert_int_equal(seen_remove(dir, first.uuid), 0);
	assert_int_equal(seen_write(dir, &first), 0);
	assert_seen(&first);
	assert_int_equal(seen_write(dir, &other), 0);
	assert_seen(&first);
	assert_seen(&other);

	/*
	 * If a token is older than the note, or is of the same era in another timeline, the
	 * metadata was put back.
	 */
	t = (struct token){ .uuid = { 1 }, .timeline = 8, .era = 4 };
	assert_int_equal(seen_write(dir, &t), 0);
	assert_seen(&first);
	t.era = 5;
	assert_int_equal(seen_write(dir, &t), 0);
	assert_seen(&first);
	t.era = 6;
	assert_int_equal(seen_write(dir, &t), 0);
	assert_seen(&t);

	assert_int_equal(seen_remove(dir, first.uuid), 0);
	assert_int_equal(seen_read(dir, first.uuid, &t), -ENOENT);
	assert_int_equal(seen_remove(dir, first.uuid), 0);
	assert_seen(&other);
	assert_int_equal(seen_remove(dir, other.uuid), 0);
}

static void test_a_file_that_is_no_token_of_the_volume_is_ignored_and_replaced(void **state)
{
	static const char *const bad[] = {
		"", "\n", "nothing", "02000000-0000-0000-0000-000000000000:0000000000000007:5\n",
		"01000000-0000-0000-0000-000000000000:0000000000000007:5 \n",
		"01000000-0000-0000-0000-000000000000:0000000000000007:99999999999999999999999999999999999\n",
	};
	struct token t;
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/01000000-0000-0000-0000-000000000000", dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		FILE *f = fopen(path, "w");

		assert_non_null(f);
		fputs(bad[i], f);
		assert_int_equal(fclose(f), 0);
		assert_int_equal(seen_read(dir, first.uuid, &t), -EINVAL);
		assert_int_equal(seen_write(dir, &first), 0);
		assert_seen(&first);
	}
	assert_int_equal(seen_remove(dir, first.uuid), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	/* A FIFO is not opened, and a symbolic link is not followed. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(seen_read(dir, first.uuid, &t), -ESPIPE);
	assert_int_equal(seen_remove(dir, first.uuid), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_int_equal(seen_read(dir, first.uuid, &t), -ELOOP);
	assert_int_equal(seen_write(dir, &first), 0);
	assert_seen(&first);
	assert_int_equal(seen_remove(dir, first.uuid), 0);
}

#define with_dir(test)	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_dir(test_the_newest_era_of_each_volume_is_kept),
		with_dir(test_a_file_that_is_no_token_of_the_volume_is_ignored_and_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
