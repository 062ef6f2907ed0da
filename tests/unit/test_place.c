// SPDX-License-Identifier: GPL-2.0-or-later
/* Which files new metadata may overwrite, on real files: every byte that would be overwritten is examined. */
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

#include "erad_format.h"
#include "store/place.h"

static const struct store_geometry g = {
	.uuid = { 1 }, .nr_sectors = 128 * 2000, .block_sectors = 128, .journal_pages = 16,
	.chunk_pages = 1,
};
static char path[64];
static struct engine *e;
static int fd;

static void reopen_engine(void)
{
	engine_destroy(e);
	assert_int_equal(engine_open(path, ENGINE_WRITE, &e, NULL), 0);
}

/* Makes a sparse file that is 64 KiB larger than the metadata. */
static int setup(void **state)
{
	(void)state;
	strcpy(path, "/var/tmp/erad-test-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, store_size(&g, NULL) + 65536))
		return -1;
	e = NULL;
	reopen_engine();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	engine_destroy(e);
	close(fd);
	return unlink(path);
}

static void put_bytes(uint64_t off, const void *what, size_t len)
{
	assert_int_equal(pwrite(fd, what, len, off), (ssize_t)len);
}

static int check_place(bool overwrite, struct err *err)
{
	bool blank;
	int r = place_check(path, e, &g, overwrite, &blank, err);

	assert_int_equal(blank, !r && !place_is_erad(e));
	return r;
}

static void test_zeros_are_blank(void **state)
{
	static const char zeros[65536];
	struct err err;

	(void)state;
	assert_int_equal(check_place(false, &err), 0);
	put_bytes(0, zeros, sizeof(zeros));
	assert_int_equal(check_place(false, &err), 0);
}

static void test_every_byte_to_be_written_counts(void **state)
{
	const uint64_t size = store_size(&g, NULL);
	struct err err;

	(void)state;
	for (uint64_t page = 0; page < size / ERAD_PAGE; page++) {
		const uint64_t off = page * ERAD_PAGE + (page * 211 + 4095) % ERAD_PAGE;
		char text[64];

		put_bytes(off, "x", 1);
		assert_int_equal(place_blank(path, e, &g, &err), -EEXIST);
		snprintf(text, sizeof(text), "got data at byte %llu,", (unsigned long long)off);
		assert_non_null(strstr(err.msg, text));
		put_bytes(off, "", 1);
		assert_int_equal(place_blank(path, e, &g, &err), 0);
	}
	/* Bytes after the end of the metadata do not matter, because they are not overwritten. */
	put_bytes(size, "x", 1);
	assert_int_equal(place_blank(path, e, &g, &err), 0);
}

static void test_file_that_is_not_metadata_is_never_overwritten(void **state)
{
	static const char text[] = "all that I have";
	struct err err;

	(void)state;
	put_bytes(5 * ERAD_PAGE, text, sizeof(text));
	assert_int_equal(check_place(false, &err), -EEXIST);
	assert_int_equal(check_place(true, &err), -EEXIST);
	assert_non_null(strstr(err.msg, "never overwritten"));

	/*
	 * The engine cannot read a file that is smaller than a page, nor bytes after the last whole
	 * page.
	 */
	for (off_t size = sizeof(text); size < 3 * ERAD_PAGE; size += 2 * ERAD_PAGE) {
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(ftruncate(fd, size), 0);
		put_bytes(size - sizeof(text), text, sizeof(text));
		reopen_engine();
		assert_int_equal(check_place(false, &err), -EEXIST);
		assert_int_equal(check_place(true, &err), -EEXIST);
	}
}

static void test_metadata_is_overwritten_when_asked_for(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(store_format(e, &g, NULL, NULL, &err), 0);
	assert_true(place_is_erad(e));
	assert_int_equal(check_place(false, &err), -EEXIST);
	assert_non_null(strstr(err.msg, "carries erad metadata; --overwrite-metadata"));
	assert_int_equal(check_place(true, &err), 0);
	/* One superblock, even a damaged one, is enough to recognize metadata. */
	put_bytes(100, "damaged", 7);
	put_bytes(ERAD_PAGE + offsetof(struct erad_disk_super, magic), "", 1);
	assert_true(place_is_erad(e));
	put_bytes(offsetof(struct erad_disk_super, magic), "", 1);
	assert_false(place_is_erad(e));
	assert_int_equal(check_place(true, &err), -EEXIST);
}

static void test_clear_makes_a_place_blank(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(store_format(e, &g, NULL, NULL, &err), 0);
	put_bytes(store_size(&g, NULL) - 1, "x", 1);
	put_bytes(store_size(&g, NULL), "x", 1);
	assert_int_equal(place_clear(e, &g), 0);
	assert_int_equal(check_place(false, &err), 0);
	assert_int_equal(pread(fd, err.msg, 1, store_size(&g, NULL)), 1);
	assert_int_equal(*err.msg, 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_zeros_are_blank, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_byte_to_be_written_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_that_is_not_metadata_is_never_overwritten, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_metadata_is_overwritten_when_asked_for, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_clear_makes_a_place_blank, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
