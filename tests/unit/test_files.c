// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files are replaced durably, and each function that replaces a file reports it if the new name is
 * not durable.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

#include "common/eratab_change.h"
#include "common/files.h"
#include "common/lvm_filter.h"
#include "eractl/standing.h"
#include "store/engine.h"
#include "temp_dir.h"

static char dir[] = "/var/tmp/erad-files-XXXXXX";
static char path[sizeof(dir) + 8], temporary[sizeof(dir) + 8];
static mode_t fails;	/* the type of file whose fsync() fails, such as S_IFDIR; 0: none */

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	if ((st.st_mode & S_IFMT) != fails)
		return __real_fsync(fd);
	errno = EIO;
	return -1;
}

static int make_file(const char *file, const char *text)
{
	const int fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(file_write_at(fd, text, strlen(text), 0), 0);
	return fd;
}

static void assert_holds(const char *text)
{
	char got[512] = "";
	size_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(file_read_at(fd, got, sizeof(got) - 1, 0, &n), 0);
	close(fd);
	assert_string_equal(got, text);
}

static void assert_sentence(const struct err *err, const char *text)
{
	if (!strstr(err->msg, text))
		fail_msg("got \"%s\", expected \"%s\" in it", err->msg, text);
}

/* Returns the number of entries of the directory of the test, without "." and "..". */
static unsigned int nr_entries(void)
{
	unsigned int nr = 0;
	DIR *d = opendir(dir);

	assert_non_null(d);
	while (readdir(d))
		nr++;
	closedir(d);
	return nr - 2;
}

static void test_a_write_beside_a_path_leaves_nothing(void **state)
{
	char missing[PATH_MAX];

	(void)state;
	close(make_file(path, "old"));
	assert_int_equal(file_try_write(dir), 0);
	assert_int_equal(file_try_write(path), 0);
	assert_int_equal(file_try_write(temporary), 0);
	assert_int_equal(nr_entries(), 1);
	assert_holds("old");
	snprintf(missing, sizeof(missing), "%s/missing/file", dir);
	assert_int_equal(file_try_write(missing), -ENOENT);
	/*
	 * If a link leads to a file, the directory of this file is tried. If a link leads to no
	 * file, the directory of the link is tried.
	 */
	assert_int_equal(symlink("missing/file", temporary), 0);
	assert_int_equal(file_try_write(temporary), 0);
	assert_int_equal(unlink(temporary), 0);
	assert_int_equal(symlink("/proc/self/stat", temporary), 0);
	assert_true(file_try_write(temporary) < 0);
	assert_int_equal(unlink(temporary), 0);
}

static void test_a_file_is_replaced_in_full_or_not_at_all(void **state)
{
	struct err err;

	(void)state;
	close(make_file(path, "old"));
	fails = S_IFREG;
	assert_int_equal(file_replace(make_file(temporary, "new"), temporary, path, &err), -EIO);
	assert_sentence(&err, "cannot replace");
	assert_holds("old");
	assert_int_equal(access(temporary, F_OK), -1);
	fails = 0;
	assert_int_equal(file_replace(make_file(temporary, "new"), temporary, path, &err), 0);
	assert_holds("new");
	assert_int_equal(access(temporary, F_OK), -1);
}

static void test_a_name_that_is_not_durable_is_an_error(void **state)
{
	struct err err;

	(void)state;
	close(make_file(path, "old"));
	fails = S_IFDIR;
	assert_int_equal(file_replace(make_file(temporary, "new"), temporary, path, &err), -EIO);
	assert_sentence(&err, "durable: Input/output error; a power cut may bring back the old one");
	assert_holds("new");
}

static void test_eratab_reports_that_it_is_not_durable(void **state)
{
	struct eratab tab;
	struct err err;

	(void)state;
	close(make_file(path, "a /dev/a /dev/b\n\n# last"));
	assert_int_equal(eratab_read(path, &tab, &err), 0);
	assert_int_equal(eratab_remove(&tab, "a", &err), 0);
	fails = S_IFREG;
	assert_int_equal(eratab_write(&tab, &err), -EIO);
	assert_holds("a /dev/a /dev/b\n\n# last");
	fails = S_IFDIR;
	assert_int_equal(eratab_write(&tab, &err), -EIO);
	assert_sentence(&err, "durable: Input/output error");
	fails = 0;
	assert_int_equal(eratab_write(&tab, &err), 0);
	assert_holds("\n# last\n");
	eratab_free(&tab);
}

static const char unmarked[] = "a\t/dev/a\t/dev/b\n", marked[] = "a\t/dev/a\t/dev/b\tdetaching\n";

static void test_a_line_that_is_not_durable_is_put_back(void **state)
{
	struct eratab_entry e = { .name = "a", .origin = "/dev/a", .metadata = "/dev/b" };
	struct err err;

	(void)state;
	fails = S_IFDIR;
	assert_int_equal(eratab_change_add(path, &e, &err), -EIO);
	assert_string_equal(strstr(err.msg, " cannot be "),
			    " cannot be added durably: Input/output error; its old content has been put back, but a power cut may undo this, and then the line is added; try again");
	assert_holds("");
	fails = 0;
	assert_int_equal(eratab_change_add(path, &e, &err), 0);
	assert_holds(unmarked);

	e.detaching = true;
	fails = S_IFDIR;
	assert_int_equal(eratab_change_replace(path, &e, ERATAB_PUT_BACK, &err), -EIO);
	assert_sentence(&err, "cannot be changed durably: Input/output error; its old content has been put back, but a power cut may undo this, and then the line is changed");
	assert_holds(unmarked);
	assert_int_equal(eratab_change_remove(path, "a", ERATAB_PUT_BACK, &err), -EIO);
	assert_sentence(&err, "cannot be removed durably: Input/output error; its old content has been put back, but a power cut may undo this, and then the line is removed");
	assert_holds(unmarked);
	/* When the disk works again, the same calls succeed, and the file has the right content. */
	fails = 0;
	assert_int_equal(eratab_change_replace(path, &e, ERATAB_PUT_BACK, &err), 0);
	assert_holds(marked);
	assert_int_equal(eratab_change_remove(path, "a", ERATAB_PUT_BACK, &err), 0);
	assert_holds("");
}

static void test_a_line_that_is_not_durable_is_kept_on_request(void **state)
{
	struct eratab_entry e = { .name = "a", .origin = "/dev/a", .metadata = "/dev/b", .detaching = true };
	struct err err;

	(void)state;
	close(make_file(path, unmarked));
	fails = S_IFDIR;
	assert_int_equal(eratab_change_replace(path, &e, ERATAB_KEEP, &err), -EIO);
	assert_sentence(&err, "is changed, but a power cut may undo this, because the file cannot be made durable: Input/output error");
	assert_holds(marked);
	assert_int_equal(eratab_change_remove(path, "a", ERATAB_KEEP, &err), -EIO);
	assert_sentence(&err, "is removed, but a power cut may undo this");
	assert_holds("");
}

static void test_a_line_that_is_not_written_is_not_said_to_be_changed(void **state)
{
	struct eratab_entry e = { .name = "a", .origin = "/dev/a", .metadata = "/dev/b", .detaching = true };
	struct err err;

	(void)state;
	close(make_file(path, unmarked));
	fails = S_IFREG;
	assert_int_equal(eratab_change_replace(path, &e, ERATAB_KEEP, &err), -EIO);
	assert_sentence(&err, "cannot replace");
	assert_int_equal(eratab_change_remove(path, "a", ERATAB_PUT_BACK, &err), -EIO);
	assert_sentence(&err, "cannot replace");
	assert_holds(unmarked);
}

static void test_the_filter_of_lvm_reports_that_it_is_not_durable(void **state)
{
	struct err err;

	(void)state;
	fails = S_IFDIR;
	assert_int_equal(lvm_filter_add(path, "/dev/vda", &err), -EIO);
	assert_sentence(&err, "durable: Input/output error");
	/*
	 * The file contains the pattern now.  When the pattern is added again, the error that it is
	 * not durable is still reported.
	 */
	assert_int_equal(lvm_filter_has(path, "/dev/vda", &err), 1);
	assert_int_equal(lvm_filter_add(path, "/dev/vda", &err), -EIO);
	assert_sentence(&err, "durable: Input/output error");
	fails = 0;
	assert_int_equal(lvm_filter_add(path, "/dev/vda", &err), 0);
}

static void test_the_state_of_a_copy_reports_that_it_is_not_durable(void **state)
{
	const struct standing_place place = { .fd = -1, .path = "/copy", .file = path };
	struct standing s = { .at = "moment" };
	struct err err;

	(void)state;
	fails = S_IFDIR;
	assert_int_equal(standing_write(&place, &s, &err), -EIO);
	assert_sentence(&err, "/copy: cannot write the state of the copy: cannot make the new");
	fails = 0;
	assert_int_equal(standing_write(&place, &s, &err), 0);
}

static void test_a_new_metadata_file_reports_that_it_is_not_durable(void **state)
{
	struct stat st;
	struct err err;

	(void)state;
	fails = S_IFDIR;
	assert_int_equal(engine_create_file(path, 8192, 4096, &st, &err), -EIO);
	assert_int_equal(access(path, F_OK), -1);
	fails = 0;
	assert_int_equal(engine_create_file(path, 8192, 4096, &st, &err), 0);
}

static int set_up(void **state)
{
	static const struct temp_file file = { dir, path };

	*state = (void *)&file;
	temp_dir_make(dir);
	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(temporary, sizeof(temporary), "%s/new", dir);
	fails = 0;
	return 0;
}

#define with_files(test)	cmocka_unit_test_setup_teardown(test, set_up, temp_file_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_files(test_a_write_beside_a_path_leaves_nothing),
		with_files(test_a_file_is_replaced_in_full_or_not_at_all),
		with_files(test_a_name_that_is_not_durable_is_an_error),
		with_files(test_eratab_reports_that_it_is_not_durable),
		with_files(test_a_line_that_is_not_durable_is_put_back),
		with_files(test_a_line_that_is_not_durable_is_kept_on_request),
		with_files(test_a_line_that_is_not_written_is_not_said_to_be_changed),
		with_files(test_the_filter_of_lvm_reports_that_it_is_not_durable),
		with_files(test_the_state_of_a_copy_reports_that_it_is_not_durable),
		with_files(test_a_new_metadata_file_reports_that_it_is_not_durable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
