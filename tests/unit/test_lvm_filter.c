// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The line of erad in LVM's configuration: which line is added and removed, and which lines are
 * kept.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/lvm_filter.h"
#include "temp_dir.h"

static char dir[] = "/tmp/erad-lvm-XXXXXX";
static char file[sizeof(dir) + 20];

/* The call for memory or for a stream that fails: 1 is the next one; 0: none. */
static int fail_at;
/* The number of bytes at the beginning of the file that can be read; -1: all. */
static off_t read_limit = -1;

ssize_t __real_pread(int fd, void *buf, size_t len, off_t offset);
ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t offset);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
FILE *__real_fopencookie(void *cookie, const char *mode, cookie_io_functions_t io);
FILE *__wrap_fopencookie(void *cookie, const char *mode, cookie_io_functions_t io);

ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t offset)
{
	if (read_limit >= 0 && offset >= read_limit) {
		errno = EIO;
		return -1;
	}
	if (read_limit >= 0 && len > (size_t)(read_limit - offset))
		len = read_limit - offset;
	return __real_pread(fd, buf, len, offset);
}

static bool fails(void)
{
	if (!fail_at || --fail_at)
		return false;
	errno = ENOMEM;
	return true;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

FILE *__wrap_fopencookie(void *cookie, const char *mode, cookie_io_functions_t io)
{
	return fails() ? NULL : __real_fopencookie(cookie, mode, io);
}

static void put_file(const char *text)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static const char *get_file(void)
{
	static char text[40000];
	FILE *f = fopen(file, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = 0;
	fclose(f);
	return text;
}

static bool has(const char *path)
{
	const int r = lvm_filter_has(file, path, NULL);

	assert_in_range(r, 0, 1);
	return r;
}

static bool ours(void)
{
	const int r = lvm_filter_ours(file, NULL);

	assert_in_range(r, 0, 1);
	return r;
}

static void test_a_removed_pattern_leaves_the_file_as_it_was(void **state)
{
	static const char *const before[] = {
		"", "local {\n}\n", "# no newline at the end\n",
		"devices/global_filter = [ \"r|/dev/mine|\" ]\n# The next line is somebody's\n",
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(before) / sizeof(*before); i++) {
		put_file(before[i]);
		assert_int_equal(lvm_filter_add(file, "/dev/vda", &err), 1);
		assert_memory_equal(get_file(), before[i], strlen(before[i]));
		assert_non_null(strstr(get_file(), "devices/global_filter = [ \"r|^/dev/vda$|\" ]\n"));
		assert_int_equal(lvm_filter_remove(file, "/dev/vda", &err), 1);
		assert_string_equal(get_file(), before[i]);
	}
}

static void test_a_pattern_is_found_wherever_the_line_of_erad_is(void **state)
{
	struct err err;
	char text[4096];

	(void)state;
	put_file("local {\n}\n");
	assert_int_equal(lvm_filter_add(file, "/dev/vda", &err), 1);
	/*
	 * A user adds a line below erad's line, and in another place a pattern with the same text
	 * as erad's pattern.
	 */
	snprintf(text, sizeof(text), "%s# \"r|^/dev/vdc$|\"\nlog {\n}\n", get_file());
	put_file(text);
	assert_true(has("/dev/vda") && ours());
	assert_false(has("/dev/vdb"));
	assert_false(has("/dev/vdc"));
	assert_string_equal(get_file(), text);
}

static void test_processes_that_change_the_file_at_once_lose_no_pattern(void **state)
{
	enum { PROCESSES = 4, PATTERNS = 8 };
	pid_t pid[PROCESSES];
	struct err err;
	char path[32];
	int status;

	(void)state;
	put_file("local {\n}\n");
	for (int i = 0; i < PROCESSES; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		for (int n = 0; !pid[i] && n < PATTERNS; n++) {
			snprintf(path, sizeof(path), "/dev/vd%d-%d", i, n);
			if (lvm_filter_add(file, path, &err) != 1)
				_exit(1);
			if (n % 2 && lvm_filter_remove(file, path, &err) != 1)
				_exit(1);
		}
		if (!pid[i])
			_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	for (int i = 0; i < PROCESSES; i++)
		for (int n = 0; n < PATTERNS; n++) {
			snprintf(path, sizeof(path), "/dev/vd%d-%d", i, n);
			assert_int_equal(has(path), !(n % 2));
		}
}

static void test_two_physical_volumes_are_in_one_line(void **state)
{
	struct err err;

	(void)state;
	put_file("");
	assert_false(ours());
	assert_int_equal(lvm_filter_add(file, "/dev/vda", &err), 1);
	assert_int_equal(lvm_filter_add(file, "/dev/vdb", &err), 1);
	/* If the file already has the requested content, it is not written. */
	assert_int_equal(lvm_filter_add(file, "/dev/vdb", &err), 0);
	assert_non_null(strstr(get_file(), "[ \"r|^/dev/vda$|\", \"r|^/dev/vdb$|\" ]"));
	assert_true(has("/dev/vda") && has("/dev/vdb") && ours());
	assert_false(has("/dev/vd"));
	assert_int_equal(lvm_filter_remove(file, "/dev/vda", &err), 1);
	assert_non_null(strstr(get_file(), "[ \"r|^/dev/vdb$|\" ]"));
	assert_int_equal(lvm_filter_remove(file, "/dev/vda", &err), 0);
	assert_int_equal(lvm_filter_remove(file, "/dev/vdb", &err), 1);
	assert_string_equal(get_file(), "");
}

static void test_a_path_matches_only_itself(void **state)
{
	struct err err;
	char line[200];

	(void)state;
	put_file("");
	lvm_filter_line("/dev/disk/by-id/a.b+c", line, sizeof(line));
	assert_string_equal(line, "devices/global_filter = [ \"r|^/dev/disk/by-id/a\\\\.b\\\\+c$|\" ]");
	assert_int_equal(lvm_filter_add(file, "/dev/a|b", &err), -EINVAL);
	assert_int_equal(lvm_filter_add(file, "/dev/a\"b", &err), -EINVAL);
	assert_string_equal(get_file(), "");
}

static void test_a_file_that_is_missing_is_made(void **state)
{
	struct err err;

	(void)state;
	unlink(file);
	assert_int_equal(lvm_filter_remove(file, "/dev/vda", &err), 0);
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(lvm_filter_add(file, "/dev/vda", &err), 1);
	assert_true(has("/dev/vda"));
}

/* A user, or a tool that manages configurations, may keep the file in another directory. */
static void test_a_symbolic_link_stays_and_its_target_is_changed(void **state)
{
	char sub[sizeof(file) + 4], target[sizeof(sub) + 10], text[200];
	struct stat st;
	struct err err;

	(void)state;
	snprintf(sub, sizeof(sub), "%s/sub", dir);
	snprintf(target, sizeof(target), "%s/real.conf", sub);
	assert_int_equal(mkdir(sub, 0700), 0);
	unlink(file);
	assert_int_equal(symlink("sub/real.conf", file), 0);

	/* There is nothing to remove, and no file to change. */
	assert_int_equal(lvm_filter_remove(file, "/dev/vda", &err), 0);
	assert_int_equal(lvm_filter_add(file, "/dev/vda", &err), -ENOENT);
	snprintf(text, sizeof(text), "%s is a symbolic link that leads to no file; make the file, or remove the link", file);
	assert_string_equal(err.msg, text);

	put_file("local {\n}\n");
	assert_int_equal(lvm_filter_add(file, "/dev/vda", &err), 1);
	assert_true(has("/dev/vda"));
	assert_int_equal(lvm_filter_has(target, "/dev/vda", &err), 1);
	assert_int_equal(lstat(file, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(lvm_filter_remove(file, "/dev/vda", &err), 1);
	assert_string_equal(get_file(), "local {\n}\n");
	assert_int_equal(lstat(file, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	unlink(file);
	assert_int_equal(unlink(target), 0);
	/* Fails if a temporary file is left. */
	assert_int_equal(rmdir(sub), 0);
}

/*
 * Makes a file with two patterns and with lines of the user. The file is longer than the C
 * library's first buffer for a stream.
 */
static void put_large_file(char *text, size_t size)
{
	struct err err;
	size_t len = 0;

	while (len + 20 < size - 1000)
		len += sprintf(text + len, "# line %08zu\n", len);
	put_file(text);
	assert_int_equal(lvm_filter_add(file, "/dev/vda", &err), 1);
	assert_int_equal(lvm_filter_add(file, "/dev/vdb", &err), 1);
	strcpy(text, get_file());
}

static void test_a_file_that_cannot_be_read_is_not_changed(void **state)
{
	char before[30000];
	struct err err;

	(void)state;
	put_large_file(before, sizeof(before));
	/* Let reads fail after the first bytes. */
	for (read_limit = 0; read_limit < 200; read_limit += 50) {
		assert_int_equal(lvm_filter_add(file, "/dev/vdc", &err), -EIO);
		assert_non_null(strstr(err.msg, "cannot read"));
		assert_int_equal(lvm_filter_remove(file, "/dev/vda", &err), -EIO);
	}
	read_limit = -1;
	assert_string_equal(get_file(), before);
}

static void test_a_file_that_cannot_be_read_is_not_taken_for_one_without_pattern(void **state)
{
	struct err err;

	(void)state;
	/* A directory can be opened, but its content cannot be read as a file. */
	assert_int_equal(lvm_filter_has(dir, "/dev/vda", &err), -EISDIR);
	assert_int_equal(lvm_filter_ours(dir, &err), -EISDIR);
	assert_int_equal(lvm_filter_remove(dir, "/dev/vda", &err), -EISDIR);
}

static void test_a_change_without_memory_loses_no_line(void **state)
{
	char before[30000];
	struct err err;
	int r;

	(void)state;
	put_large_file(before, sizeof(before));
	for (int n = 1;; n++) {
		fail_at = n;
		r = lvm_filter_add(file, "/dev/vdc", &err);
		if (fail_at > 0)
			break;
		assert_int_equal(r, -ENOMEM);
		assert_string_equal(get_file(), before);
		assert_true(n < 100);
	}
	fail_at = 0;
	assert_int_equal(r, 1);
	assert_true(has("/dev/vda") && has("/dev/vdb") && has("/dev/vdc"));
	assert_int_equal(lvm_filter_remove(file, "/dev/vdc", &err), 1);
	assert_string_equal(get_file(), before);
}

static int make_dir(void **state)
{
	(void)state;
	temp_dir_make(dir);
	sprintf(file, "%s/lvmlocal.conf", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	return temp_dir_remove(dir, file);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_removed_pattern_leaves_the_file_as_it_was),
		cmocka_unit_test(test_a_pattern_is_found_wherever_the_line_of_erad_is),
		cmocka_unit_test(test_processes_that_change_the_file_at_once_lose_no_pattern),
		cmocka_unit_test(test_two_physical_volumes_are_in_one_line),
		cmocka_unit_test(test_a_path_matches_only_itself),
		cmocka_unit_test(test_a_file_that_is_missing_is_made),
		cmocka_unit_test(test_a_symbolic_link_stays_and_its_target_is_changed),
		cmocka_unit_test(test_a_file_that_cannot_be_read_is_not_changed),
		cmocka_unit_test(test_a_file_that_cannot_be_read_is_not_taken_for_one_without_pattern),
		cmocka_unit_test(test_a_change_without_memory_loses_no_line),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
