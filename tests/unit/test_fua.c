// SPDX-License-Identifier: GPL-2.0-or-later
/* Durable writes: on which files and devices they are made, and what the store does when they fail. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/fua.h"
#include "volume.h"

#define BYTES	8192u

static char path[64];
static char *buf;

static int setup(void **state)
{
	int fd;

	(void)state;
	strcpy(path, "/var/tmp/erad-test-XXXXXX");
	fd = mkstemp(path);
	buf = aligned_alloc(4096, BYTES);
	return fd < 0 || !buf || ftruncate(fd, 1 << 20) || close(fd);
}

static int teardown(void **state)
{
	(void)state;
	free(buf);
	return unlink(path);
}

/*
 * It is not known whether the disk of this machine has FUA.  So the test accepts both results: the
 * write is made, or the write is refused and nothing is written.
 */
static void test_a_durable_write_is_made_or_refused(void **state)
{
	const int fd = open(path, O_RDWR | O_DIRECT);
	char *back = aligned_alloc(4096, BYTES);
	struct fua f;
	int ret;

	(void)state;
	if (fd < 0) {	/* O_DIRECT is refused, for example on tmpfs */
		assert_int_equal(errno, EINVAL);
		free(back);
		return;
	}
	memset(buf, 0x5a, BYTES);
	fua_init(&f, fd);
	ret = fua_write(&f, fd, buf, BYTES, 4096);
	assert_int_equal(pread(fd, back, BYTES, 4096), BYTES);
	if (ret)
		assert_int_equal(ret, -EOPNOTSUPP);
	assert_int_equal(back[0], ret ? 0 : 0x5a);
	fua_destroy(&f);
	close(fd);
	free(back);
}

/* The test fills in f as for a disk with FUA, and does not check the disk. */
static void test_a_refused_durable_write_is_the_last(void **state)
{
	const int fd = open(path, O_RDWR);
	struct fua f = { .ready = true };
	struct rlimit limit;

	(void)state;
	assert_int_equal(io_setup(1, &f.context), 0);
	memset(buf, 0x5a, BYTES);
	assert_int_equal(fua_write(&f, fd, buf, BYTES, 0), 0);
	memset(buf, 0, BYTES);
	assert_int_equal(pread(fd, buf, 4096, 4096), 4096);
	assert_int_equal(buf[4095], 0x5a);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 4096, limit.rlim_max }), 0);
	assert_int_equal(fua_write(&f, fd, buf, 4096, 4096), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(fua_write(&f, fd, buf, 4096, 0), -EOPNOTSUPP);
	fua_destroy(&f);
	close(fd);
}

static void test_nothing_durable_without_o_direct(void **state)
{
	const int fd = open(path, O_RDWR);
	struct fua f, zeros = { 0 };

	(void)state;
	assert_true(fd >= 0);
	fua_init(&f, fd);
	assert_int_equal(fua_write(&f, fd, buf, BYTES, 0), -EOPNOTSUPP);
	fua_destroy(&f);
	assert_int_equal(fua_write(&zeros, fd, buf, BYTES, 0), -EOPNOTSUPP);
	fua_destroy(&zeros);
	close(fd);
}

struct volume {
	struct disk d;
	struct store *s;
	struct err err;
};

static void open_volume(struct volume *v)
{
	format(&v->d);
	v->d.fua = true;
	v->d.fail_from = UINT64_MAX;
	v->d.fail_lossy = true;
	assert_int_equal(store_open(disk_engine(&v->d), STORE_WRITE, &v->s, &v->err), 0);
	assert_int_equal(store_begin_era(v->s, 1, &v->err), 0);
}

static void count_flushes(struct disk *d, enum disk_op op, bool after, void *ctx)
{
	(void)d;
	*(unsigned int *)ctx += op == DISK_FLUSH && !after;
}

static void test_a_commit_needs_no_flush(void **state)
{
	const struct erad_range r = { .first = 5, .len = 3 };
	struct volume v = { 0 };
	unsigned int flushes = 0;

	(void)state;
	open_volume(&v);
	v.d.hook = count_flushes;
	v.d.hook_ctx = &flushes;
	assert_int_equal(store_mark(v.s, &r, 1, &v.err), 0);
	assert_int_equal(store_checkpoint(v.s, 2, &v.err), 0);
	assert_int_equal(flushes, 0);
	assert_int_equal(v.d.nr_cached, 0);
	v.d.hook = NULL;
	store_close(v.s, true, NULL);
	disk_destroy(&v.d);
}

/*
 * A fold has written pages of the array.  Before the fold flushes these pages, a durable write
 * fails, and the disk loses the pages.  The flush of the fold then succeeds, but the fold must
 * fail.
 */
static void fail_a_commit(struct disk *d, enum disk_op op, bool after, void *ctx)
{
	const struct erad_range r = { .first = 40, .len = 1 };
	struct volume *v = ctx;
	struct err err;

	if (op != DISK_WRITE || !after)
		return;
	d->hook = NULL;
	d->rnd = 1;
	d->fail_from = d->ops + 1;	/* the second half of the durable write */
	d->fail_to = d->fail_from + 1;
	/* After the failure, the store appends the mark again, with a write and a flush. */
	assert_int_equal(store_mark(v->s, &r, 1, &err), 0);
}

static void test_a_failed_durable_write_fails_the_flush_of_others(void **state)
{
	const struct erad_range r = { .first = 5, .len = 3 };
	struct volume v = { 0 };

	(void)state;
	open_volume(&v);
	assert_int_equal(store_mark(v.s, &r, 1, &v.err), 0);
	v.d.hook = fail_a_commit;
	v.d.hook_ctx = &v;
	assert_int_equal(store_fold(v.s, &v.err), -EIO);
	assert_int_equal(store_fold(v.s, &v.err), 0);
	store_close(v.s, true, NULL);
	disk_destroy(&v.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_durable_write_is_made_or_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_refused_durable_write_is_the_last, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_durable_without_o_direct, setup, teardown),
		cmocka_unit_test(test_a_commit_needs_no_flush),
		cmocka_unit_test(test_a_failed_durable_write_fails_the_flush_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
