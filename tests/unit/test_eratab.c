// SPDX-License-Identifier: GPL-2.0-or-later
/* The boot table: which lines are read, which are refused and with which message, and what a rewrite keeps. */
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

#include "common/eratab.h"

static void parse_table(const char *text, struct eratab *tab)
{
	struct err err;

	assert_int_equal(eratab_parse(text, strlen(text), "eratab", tab, &err), 0);
}

static void test_reads_all_fields(void **state)
{
	const struct eratab_entry *e;
	struct eratab tab;
	struct err err;

	(void)state;
	parse_table("# a comment\n\n"
	      "data /dev/sdb /var/lib/erad/data.erad\n"
	      "\tlog\t/dev/sdc   /dev/nvme0n1p3 noauto,detach_policy=fail,detach_timeout=90,gap=refuse\t\n"
	      "odd /dev/a\\040b /x\\134y gap=refuse,gap=record", &tab);

	assert_int_equal(eratab_find(&tab, "data", &e, &err), 0);
	assert_string_equal(e->origin, "/dev/sdb");
	assert_string_equal(e->metadata, "/var/lib/erad/data.erad");
	assert_false(e->noauto || e->policy || e->detach_timeout || e->refuse_gap);

	assert_int_equal(eratab_find(&tab, "log", &e, &err), 0);
	assert_true(e->noauto && e->policy == DETACH_FAIL);
	assert_int_equal(e->detach_timeout, 90);
	assert_true(e->refuse_gap);

	assert_int_equal(eratab_find(&tab, "odd", &e, &err), 0);
	assert_string_equal(e->origin, "/dev/a b");
	assert_string_equal(e->metadata, "/x\\y");
	assert_false(e->refuse_gap);

	assert_int_equal(eratab_find(&tab, "none", &e, &err), -ENOENT);
	assert_int_equal(eratab_find(&tab, "", &e, &err), -ENOENT);
	eratab_free(&tab);
}

static void assert_line_refused(const char *text, const char *name, const char *words)
{
	const struct eratab_entry *e;
	struct eratab tab;
	struct err err;

	parse_table(text, &tab);
	assert_int_equal(eratab_find(&tab, name, &e, &err), -EINVAL);
	if (strcmp(err.msg, words))
		fail_msg("got \"%s\", expected \"%s\"", err.msg, words);
	eratab_free(&tab);
}

static void test_says_where_and_what_is_wrong(void **state)
{
	(void)state;
	assert_line_refused("\ndata /dev/sdb\n", "data",
		"eratab:2: no metadata; expected NAME ORIGIN METADATA [OPTIONS]");
	assert_line_refused("data", "data", "eratab:1: no origin; expected NAME ORIGIN METADATA [OPTIONS]");
	assert_line_refused("data sdb /m", "data", "eratab:1: origin sdb is not an absolute path");
	assert_line_refused("data /dev/sdb /m\\04 -", "data",
		"eratab:1: metadata /m\\04: a backslash begins three octal digits, 001 to 377");
	assert_line_refused("data /dev/sdb /m noauto,nofail", "data",
		"eratab:1: option nofail is not one of noauto, detaching, detach_policy=queue|fail|degrade, detach_timeout=SECONDS, gap=record|refuse");
	assert_line_refused("data /dev/sdb /m detach_timeout=4h", "data",
		"eratab:1: detach_timeout=4h: expected seconds, 1 to 4294967");
	assert_line_refused("data /dev/sdb /m - more", "data",
		"eratab:1: more is one field too many; expected NAME ORIGIN METADATA [OPTIONS]");
}

static void test_a_bad_line_spoils_only_itself(void **state)
{
	static const char text[] = "a /dev/a /m/a\nb\nbad/name /x /y\na /dev/z /z\n\0\0 x\nc /dev/c /m/c\n";
	const struct eratab_entry *e;
	struct eratab tab;
	struct err err;

	(void)state;
	assert_int_equal(eratab_parse(text, sizeof(text) - 1, "t", &tab, &err), 0);
	assert_int_equal(tab.nr, 6);
	assert_int_equal(eratab_find(&tab, "b", &e, &err), -EINVAL);
	assert_non_null(strstr(tab.line[2].error, "t:3: volume name bad/name contains a '/'"));
	assert_string_equal(tab.line[3].error, "t:4: volume a is in line 1, too; remove one of the two lines");
	assert_int_equal(eratab_find(&tab, "c", &e, &err), 0);
	eratab_free(&tab);
}

static void test_names(void **state)
{
	char longest[ERAD_NAME_MAX + 2];
	struct err err;

	(void)state;
	assert_int_equal(eratab_check_name("Data-1.x_y+z", &err), 0);
	assert_int_equal(eratab_check_name("", &err), -EINVAL);
	assert_int_equal(eratab_check_name("-a", &err), -EINVAL);
	assert_int_equal(eratab_check_name(".", &err), -EINVAL);
	assert_int_equal(eratab_check_name("..", &err), -EINVAL);
	assert_int_equal(eratab_check_name("control", &err), -EINVAL);
	assert_int_equal(eratab_check_name("a/b", &err), -EINVAL);
	assert_int_equal(eratab_check_name("a b", &err), -EINVAL);
	assert_int_equal(eratab_check_name("\xc3\xa4", &err), -EINVAL);
	memset(longest, 'a', sizeof(longest));
	longest[ERAD_NAME_MAX + 1] = 0;
	assert_int_equal(eratab_check_name(longest, &err), -EINVAL);
	longest[ERAD_NAME_MAX] = 0;
	assert_int_equal(eratab_check_name(longest, &err), 0);
}

static void test_one_name_on_two_lines_is_refused_with_both_lines(void **state)
{
	static const char said[] = "eratab names volume a in line 1 and in line 3; remove one of the two lines";
	struct eratab_entry entry = { .name = "a", .origin = "/dev/x", .metadata = "/m/x" };
	const struct eratab_entry *e;
	struct eratab tab;
	struct err err;

	(void)state;
	parse_table("a /dev/a /m/a\nb /dev/b /m/b\na /dev/z /m/z\n", &tab);
	assert_int_equal(eratab_find(&tab, "a", &e, &err), -EEXIST);
	assert_string_equal(err.msg, said);
	assert_int_equal(eratab_remove(&tab, "a", &err), -EEXIST);
	assert_string_equal(err.msg, said);
	assert_int_equal(eratab_add(&tab, &entry, &err), -EEXIST);
	assert_int_equal(tab.nr, 3);
	assert_int_equal(eratab_find(&tab, "b", &e, &err), 0);
	eratab_free(&tab);
}

static void test_the_first_line_may_follow_a_byte_order_mark(void **state)
{
	const struct eratab_entry *e;
	struct eratab tab;
	struct err err;

	(void)state;
	parse_table("\xef\xbb\xbf" "a /dev/a /m/a\nb /dev/b /m/b\n", &tab);
	assert_int_equal(eratab_find(&tab, "a", &e, &err), 0);
	assert_string_equal(e->origin, "/dev/a");
	/* A rewrite keeps the byte order mark. */
	assert_memory_equal(tab.line[0].text, "\xef\xbb\xbf" "a ", 5);
	eratab_free(&tab);
	parse_table("\xef\xbb\xbf# a comment\nb /dev/b /m/b\n", &tab);
	assert_null(tab.line[0].error);
	eratab_free(&tab);
	/* The byte order mark is allowed only at the beginning of the file. */
	parse_table("a /dev/a /m/a\n\xef\xbb\xbf" "b /dev/b /m/b\n", &tab);
	assert_non_null(tab.line[1].error);
	eratab_free(&tab);
}

static void test_lines_may_end_as_on_windows(void **state)
{
	const struct eratab_entry *e;
	struct eratab tab;
	struct err err;

	(void)state;
	parse_table("# a comment\r\n\r\na /dev/a /m/a\r\nb /dev/b /m/b noauto\r\n", &tab);
	for (size_t i = 0; i < tab.nr; i++)
		assert_null(tab.line[i].error);
	assert_int_equal(eratab_find(&tab, "a", &e, &err), 0);
	assert_string_equal(e->metadata, "/m/a");
	assert_int_equal(eratab_find(&tab, "b", &e, &err), 0);
	assert_true(e->noauto);
	eratab_free(&tab);
}

/* If eratab_read() waited for a writer of the FIFO, the alarm would end the test. */
static void test_only_a_regular_file_is_read(void **state)
{
	char dir[] = "/tmp/eratab.XXXXXX";
	char fifo[64], said[128];
	struct eratab tab;
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	alarm(20);
	assert_int_equal(eratab_read(fifo, &tab, &err), -EINVAL);
	alarm(0);
	snprintf(said, sizeof(said), "%s is a FIFO, expected a regular file", fifo);
	assert_string_equal(err.msg, said);
	assert_int_equal(eratab_read(dir, &tab, &err), -EINVAL);
	snprintf(said, sizeof(said), "%s is a directory, expected a regular file", dir);
	assert_string_equal(err.msg, said);
	assert_int_equal(eratab_read("/dev/zero", &tab, &err), -EINVAL);
	assert_string_equal(err.msg, "/dev/zero is a device, expected a regular file");
	unlink(fifo);
	assert_int_equal(rmdir(dir), 0);
}

static void name_refused(const char *name, const char *words)
{
	struct err err;

	assert_int_equal(eratab_check_name(name, &err), -EINVAL);
	assert_string_equal(err.msg, words);
}

static void test_a_bad_name_is_told_in_words(void **state)
{
	(void)state;
	name_refused("a/b", "volume name a/b contains a '/'; a volume name may contain letters, digits and . _ + -");
	name_refused("a b", "a volume name may contain letters, digits and . _ + -; got one with a space");
	name_refused("a\033b", "a volume name may contain letters, digits and . _ + -; got one with a control character");
	name_refused("\xc3\xa4", "a volume name may contain letters, digits and . _ + -; got one with a letter that is not ASCII");
}

static void expect_file(const char *path, const char *text)
{
	char got[4096];
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(got, 1, sizeof(got) - 1, f);
	got[n] = 0;
	fclose(f);
	assert_string_equal(got, text);
}

static void test_rewrite_keeps_the_rest(void **state)
{
	struct eratab_entry e = { .name = "new", .origin = "/dev/with space", .metadata = "/m#1",
				  .policy = DETACH_DEGRADE, .detach_timeout = 5, .refuse_gap = true };
	char dir[] = "/tmp/eratab.XXXXXX";
	char file[64], link[64];
	struct eratab tab;
	struct stat st;
	struct err err;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/real", dir);
	snprintf(link, sizeof(link), "%s/eratab", dir);
	f = fopen(file, "w");
	assert_non_null(f);
	fputs("# mine\n\n  data   /dev/sdb /m/data\nbroken line\nold /dev/o /m/o", f);
	fclose(f);
	assert_int_equal(chmod(file, 0640), 0);
	assert_int_equal(symlink("real", link), 0);

	assert_int_equal(eratab_read(link, &tab, &err), 0);
	assert_int_equal(eratab_add(&tab, &e, &err), 0);
	assert_int_equal(eratab_add(&tab, &e, &err), -EEXIST);
	assert_int_equal(eratab_remove(&tab, "old", &err), 0);
	assert_int_equal(eratab_remove(&tab, "old", &err), -ENOENT);
	assert_int_equal(eratab_write(&tab, &err), 0);
	eratab_free(&tab);

	expect_file(link, "# mine\n\n  data   /dev/sdb /m/data\nbroken line\n"
		    "new\t/dev/with\\040space\t/m\\0431\tdetach_policy=degrade,detach_timeout=5,gap=refuse\n");
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);

	unlink(link);
	unlink(file);
	assert_int_equal(rmdir(dir), 0);	/* the directory contains no other files */
}

static void test_missing_file_is_empty(void **state)
{
	struct eratab tab;
	struct err err;

	(void)state;
	assert_int_equal(eratab_read("/nonexistent/eratab", &tab, &err), 0);
	assert_int_equal(tab.nr, 0);
	eratab_free(&tab);
}

static void test_many_add_and_remove(void **state)
{
	struct eratab tab;
	struct err err;

	(void)state;
	parse_table("", &tab);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 37; i++) {
			struct eratab_entry e = { .origin = "/o", .metadata = "/m" };

			snprintf(e.name, sizeof(e.name), "v%d", i);
			assert_int_equal(eratab_add(&tab, &e, &err), 0);
		}
		for (int i = 36; i >= round * 5; i--) {
			char name[16];

			snprintf(name, sizeof(name), "v%d", i);
			assert_int_equal(eratab_remove(&tab, name, &err), 0);
		}
		for (int i = 0; i < round * 5; i++) {
			char name[16];

			snprintf(name, sizeof(name), "v%d", i);
			assert_int_equal(eratab_remove(&tab, name, &err), 0);
		}
	}
	assert_int_equal(tab.nr, 0);
	eratab_free(&tab);
}

static void test_replacing_a_line_keeps_its_place_and_the_other_lines(void **state)
{
	static const char text[] = "# mine\na /dev/a /m/a\nb /dev/b /m/b noauto,detach_timeout=9\n# end\n";
	const struct eratab_entry *e;
	struct eratab_entry changed;
	struct eratab tab;
	struct err err;

	(void)state;
	parse_table(text, &tab);
	assert_int_equal(eratab_find(&tab, "a", &e, &err), 0);
	changed = *e;
	changed.detaching = true;
	changed.refuse_gap = true;
	assert_int_equal(eratab_replace(&tab, &changed, &err), 0);
	assert_int_equal(tab.nr, 4);
	assert_string_equal(tab.line[1].text, "a\t/dev/a\t/m/a\tdetaching,gap=refuse");
	assert_string_equal(tab.line[2].text, "b /dev/b /m/b noauto,detach_timeout=9");
	assert_int_equal(eratab_find(&tab, "a", &e, &err), 0);
	assert_true(e->detaching && !e->noauto);
	strcpy(changed.name, "none");
	assert_int_equal(eratab_replace(&tab, &changed, &err), -ENOENT);
	eratab_free(&tab);
}

static void test_too_many_lines(void **state)
{
	size_t len = ERATAB_LINES_MAX + 1;
	char *text = malloc(len);
	struct eratab tab;
	struct err err;

	(void)state;
	memset(text, '\n', len);
	assert_int_equal(eratab_parse(text, len, "t", &tab, &err), -EFBIG);
	assert_int_equal(eratab_parse(text, len - 1, "t", &tab, &err), 0);
	eratab_free(&tab);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_all_fields),
		cmocka_unit_test(test_says_where_and_what_is_wrong),
		cmocka_unit_test(test_a_bad_line_spoils_only_itself),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_rewrite_keeps_the_rest),
		cmocka_unit_test(test_one_name_on_two_lines_is_refused_with_both_lines),
		cmocka_unit_test(test_the_first_line_may_follow_a_byte_order_mark),
		cmocka_unit_test(test_lines_may_end_as_on_windows),
		cmocka_unit_test(test_only_a_regular_file_is_read),
		cmocka_unit_test(test_a_bad_name_is_told_in_words),
		cmocka_unit_test(test_missing_file_is_empty),
		cmocka_unit_test(test_many_add_and_remove),
		cmocka_unit_test(test_replacing_a_line_keeps_its_place_and_the_other_lines),
		cmocka_unit_test(test_too_many_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
