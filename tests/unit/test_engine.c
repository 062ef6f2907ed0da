// SPDX-License-Identifier: GPL-2.0-or-later
/* The engine on real files: sizes, locks and holes, and a store on such an engine. */
#include <errno.h>
#include <fcntl.h>
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

#include "erad_format.h"
#include "store/engine.h"
#include "store/store.h"
#include "temp_dir.h"

static char dir[] = "/var/tmp/erad-test-XXXXXX", path[128];

static int setup(void **state)
{
	static const struct temp_file file = { dir, path };

	*state = (void *)&file;
	temp_dir_make(dir);
	snprintf(path, sizeof(path), "%s/meta", dir);
	return 0;
}

static void test_create(void **state)
{
	struct err err = { "" };
	struct stat st;

	(void)state;
	assert_int_equal(engine_create_file(path, 64 << 20, 1 << 20, NULL, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 64 << 20);
	assert_in_range(st.st_blocks * 512, 1 << 20, 2 << 20);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(engine_create_file(path, 4096, 0, NULL, &err), -EEXIST);
	assert_non_null(strstr(err.msg, path));
	assert_int_equal(engine_create_file("/nowhere/at/all", 4096, 0, NULL, &err), -ENOENT);
}

static void test_locks(void **state)
{
	struct engine *a, *b;
	struct err err;

	(void)state;
	assert_int_equal(engine_create_file(path, 8192, 8192, NULL, &err), 0);
	assert_int_equal(engine_open(path, ENGINE_WRITE, &a, &err), 0);
	assert_int_equal(engine_open(path, ENGINE_WRITE, &b, &err), -EBUSY);
	assert_null(b);
	assert_int_equal(engine_open(path, ENGINE_READ, &b, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "another process"));
	engine_destroy(a);
	assert_int_equal(engine_open(path, ENGINE_READ, &a, &err), 0);
	assert_int_equal(engine_open(path, ENGINE_READ, &b, &err), 0);
	engine_destroy(a);
	assert_int_equal(engine_open(path, ENGINE_WRITE, &a, &err), -EBUSY);
	engine_destroy(b);
	assert_int_equal(engine_open(path, ENGINE_WRITE, &a, &err), 0);
	engine_destroy(a);
}

static void test_refuses(void **state)
{
	struct engine *e;
	struct err err;

	(void)state;
	assert_int_equal(engine_open(path, ENGINE_READ, &e, &err), -ENOENT);
	assert_int_equal(engine_open(dir, ENGINE_READ, &e, &err), -ENOTBLK);
	assert_int_equal(engine_open("/dev/null", ENGINE_READ, &e, &err), -ENOTBLK);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(engine_open(path, ENGINE_READ, &e, &err), -ENOTBLK);
}

static void test_io(void **state)
{
	char *buf = aligned_alloc(4096, 8192), *back = aligned_alloc(4096, 8192);
	struct engine *e;
	struct err err;

	(void)state;
	assert_int_equal(engine_create_file(path, (1 << 20) + 4096 + 100, 8192, NULL, &err), 0);
	assert_int_equal(engine_open(path, ENGINE_WRITE, &e, &err), 0);
	assert_int_equal(e->size, (1 << 20) + 4096);
	assert_false(engine_hole(e, 0, 8192));
	assert_true(engine_hole(e, 8192, e->size - 8192));
	/* The range beyond the end is not a hole, because a hole would count as never written. */
	assert_false(engine_hole(e, e->size, 8192));
	memset(buf, 0x5a, 8192);
	assert_int_equal(e->ops->write(e, buf, 1 << 19, 8192), 0);
	assert_int_equal(e->ops->flush(e), 0);
	assert_false(engine_hole(e, 1 << 19, 4096));
	assert_false(engine_hole(e, 8192, 1 << 19));
	assert_int_equal(e->ops->read(e, back, (1 << 19) + 4096, 8192), 0);
	assert_memory_equal(back, buf, 4096);
	assert_int_equal(back[4096], 0);
	assert_int_equal(e->ops->zero(e, 1 << 19, 8192), 0);
	assert_int_equal(e->ops->read(e, back, 1 << 19, 8192), 0);
	memset(buf, 0, 8192);
	assert_memory_equal(back, buf, 8192);
	assert_int_equal(e->ops->read(e, back, 1 << 20, 8192), -EIO);
	engine_destroy(e);
	free(buf);
	free(back);
}

static int add_len(void *ctx, uint64_t first, uint64_t len)
{
	(void)first;
	*(uint64_t *)ctx += len;
	return 0;
}

/* A device of a petabyte: parts that were never written take no space and no time. */
static void test_store(void **state)
{
	const struct store_geometry g = { .uuid = { 1 }, .nr_sectors = 1ULL << 41, .block_sectors = 128 };
	const struct erad_range r[] = {
		{ .first = 5, .len = 1 }, { .first = 1ULL << 33, .len = 100 },
		{ .first = (1ULL << 34) - 1, .len = 1 },
	};
	uint64_t size, written, n = 0;
	struct engine *e;
	struct store *s;
	struct stat st;
	struct err err;

	(void)state;
	size = store_size(&g, &written);
	assert_int_equal(written, (ERAD_JOURNAL_START + 4096) * 4096);
	assert_int_equal(engine_create_file(path, size, written, NULL, &err), 0);
	assert_int_equal(engine_open(path, ENGINE_WRITE, &e, &err), 0);
	assert_int_equal(store_format(e, &g, NULL, NULL, &err), 0);
	assert_int_equal(store_open(e, STORE_WRITE, &s, &err), 0);
	assert_int_equal(store_begin_era(s, 1, &err), 0);
	assert_int_equal(store_mark(s, r, 3, &err), 0);
	assert_int_equal(store_fold(s, &err), 0);
	assert_int_equal(store_diff(s, 1, add_len, &n, &err), 0);
	assert_int_equal(n, 102);
	assert_int_equal(store_close(s, true, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_in_range(st.st_blocks * 512, written, written + (1 << 20));
}

struct expected {
	uint64_t block[64];
	unsigned int nr, at;
};

static int is_next(void *ctx, uint64_t first, uint64_t len)
{
	struct expected *x = ctx;

	while (len--)
		assert_true(x->at < x->nr && x->block[x->at++] == first++);
	return 0;
}

static int is_next_or_never(void *ctx, uint64_t first, uint64_t len, uint32_t era)
{
	return era ? is_next(ctx, first, len) : 0;
}

/*
 * Makes holes of all lengths, next to blocks at the borders of the pieces that a diff reads or
 * skips at once.
 */
static void test_scattered(void **state)
{
	static const uint16_t page[] = { 0, 15, 16, 17, 33, 47, 48, 255, 256, 272, 500, 511, 512, 767 };
	const uint64_t per_page = ERAD_ERAS_PER_PAGE;
	const struct store_geometry g = { .uuid = { 1 }, .nr_sectors = 768 * per_page * 128, .block_sectors = 128 };
	struct expected x = { .nr = 0 };
	struct erad_range r[64];
	uint64_t size, written;
	struct engine *e;
	struct store *s;
	struct err err;

	(void)state;
	for (unsigned int i = 0; i < sizeof(page) / sizeof(*page); i++) {
		x.block[x.nr++] = page[i] * per_page;
		x.block[x.nr++] = page[i] * per_page + per_page - 1;
	}
	for (unsigned int i = 0; i < x.nr; i++)
		r[i] = (struct erad_range){ .first = x.block[i], .len = 1 };
	size = store_size(&g, &written);
	assert_int_equal(engine_create_file(path, size, written, NULL, &err), 0);
	assert_int_equal(engine_open(path, ENGINE_WRITE, &e, &err), 0);
	assert_int_equal(store_format(e, &g, NULL, NULL, &err), 0);
	assert_int_equal(store_open(e, STORE_WRITE, &s, &err), 0);
	assert_int_equal(store_begin_era(s, 1, &err), 0);
	assert_int_equal(store_mark(s, r, x.nr, &err), 0);
	assert_int_equal(store_fold(s, &err), 0);
	assert_int_equal(store_diff(s, 1, is_next, &x, &err), 0);
	assert_int_equal(x.at, x.nr);
	x.at = 0;
	assert_int_equal(store_eras(s, STORE_NOW, is_next_or_never, &x, NULL, &err), 0);
	assert_int_equal(x.at, x.nr);
	assert_int_equal(store_close(s, true, &err), 0);
}

/*
 * After a resize, entries for the new blocks replace older entries of the array. An earlier
 * snapshot still shows the older entries.
 */
static void test_snapshot_of_larger_device(void **state)
{
	const struct store_geometry g = { .uuid = { 1 }, .nr_sectors = 1 << 20, .block_sectors = 128 };
	const struct erad_range r = { .first = 7000, .len = 3 };
	uint64_t size, written, n = 0;
	struct engine *e;
	struct store *s;
	struct err err;

	(void)state;
	size = store_size(&g, &written);
	assert_int_equal(engine_create_file(path, size, written, NULL, &err), 0);
	assert_int_equal(engine_open(path, ENGINE_WRITE, &e, &err), 0);
	assert_int_equal(store_format(e, &g, NULL, NULL, &err), 0);
	assert_int_equal(store_open(e, STORE_WRITE, &s, &err), 0);
	assert_int_equal(store_begin_era(s, 1, &err), 0);
	assert_int_equal(store_mark(s, &r, 1, &err), 0);
	assert_int_equal(store_begin_snapshot(s, 2, true, &err), 0);
	assert_int_equal(store_fold(s, &err), 0);
	/* Blocks that the volume loses and gains again count as written, but not in the snapshot. */
	assert_int_equal(store_resize(s, 128 * 992, &err), 0);
	assert_int_equal(store_resize(s, g.nr_sectors, &err), 0);
	assert_int_equal(store_diff(s, 1, add_len, &n, &err), 0);
	assert_int_equal(n, g.nr_sectors / 128 - 992);
	n = 0;
	assert_int_equal(store_diff_view(s, STORE_SNAPSHOT, 1, add_len, &n, &err), 0);
	assert_int_equal(n, 3);
	assert_int_equal(store_close(s, true, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_create, setup, temp_file_tear_down),
		cmocka_unit_test_setup_teardown(test_locks, setup, temp_file_tear_down),
		cmocka_unit_test_setup_teardown(test_refuses, setup, temp_file_tear_down),
		cmocka_unit_test_setup_teardown(test_io, setup, temp_file_tear_down),
		cmocka_unit_test_setup_teardown(test_store, setup, temp_file_tear_down),
		cmocka_unit_test_setup_teardown(test_scattered, setup, temp_file_tear_down),
		cmocka_unit_test_setup_teardown(test_snapshot_of_larger_device, setup, temp_file_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
