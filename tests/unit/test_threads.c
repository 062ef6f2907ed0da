// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One thread marks, one thread folds, and one thread reads.  The test is for the thread sanitizer,
 * and checks what readers see.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "disk.h"
#include "rnd.h"
#include "store/store.h"

#define NR_BLOCKS	1500u

static const struct store_geometry geometry = {
	.uuid = { 1, 2, 3 }, .nr_sectors = NR_BLOCKS * 8, .block_sectors = 8, .journal_pages = 16,
};

/*
 * Marks, folds and diffs run at the same time.  A diff contains all marks that were acknowledged
 * before it began.
 */
struct threads {
	struct store *s;
	_Atomic uint32_t acked[NR_BLOCKS];
	atomic_bool done;
	_Atomic uint64_t diffs, folds;
};

static void *fold_thread(void *arg)
{
	struct threads *t = arg;

	while (!t->done) {
		assert_int_equal(store_fold(t->s, NULL), 0);
		t->folds++;
	}
	return NULL;
}

static int set_bytes(void *ctx, uint64_t first, uint64_t len)
{
	memset((uint8_t *)ctx + first, 1, len);
	return 0;
}

static void *diff_thread(void *arg)
{
	static uint8_t got[NR_BLOCKS], want[NR_BLOCKS];
	struct threads *t = arg;
	struct store_info info;
	uint32_t since;
	uint64_t b;

	while (!t->done) {
		store_info(t->s, &info);
		since = info.era > 2 ? info.era - info.era % 3 : 1;
		for (b = 0; b < NR_BLOCKS; b++)
			want[b] = t->acked[b] >= since;
		memset(got, 0, sizeof(got));
		assert_int_equal(store_diff(t->s, since, set_bytes, got, NULL), 0);
		for (b = 0; b < NR_BLOCKS; b++)
			assert_true(got[b] >= want[b]);
		t->diffs++;
	}
	return NULL;
}

static void complain(void *ctx, const char *what)
{
	(void)ctx;
	print_error("%s\n", what);
}

static void test_threads(void **state)
{
	struct threads *t = calloc(1, sizeof(*t));
	uint64_t r = 17, i, b;
	pthread_t folder, differ;
	uint32_t era = 1;
	struct engine *e;
	struct disk d;

	(void)state;
	disk_init(&d, store_size(&geometry, NULL));
	e = disk_engine(&d);
	assert_int_equal(store_format(e, &geometry, NULL, NULL, NULL), 0);
	assert_int_equal(store_open(e, STORE_WRITE, &t->s, NULL), 0);
	assert_int_equal(store_begin_era(t->s, era, NULL), 0);
	assert_int_equal(pthread_create(&folder, NULL, fold_thread, t), 0);
	assert_int_equal(pthread_create(&differ, NULL, diff_thread, t), 0);
	for (i = 0; i < 10000 || t->diffs < 20 || t->folds < 20; i++) {
		const struct erad_range range = {
			.first = rnd_below(&r, NR_BLOCKS - 50), .len = 1 + rnd_below(&r, 50),
		};

		if (i % 20 == 0)
			assert_int_equal(store_begin_era(t->s, ++era, NULL), 0);
		assert_int_equal(store_mark(t->s, &range, 1, NULL), 0);
		for (b = range.first; b < range.first + range.len; b++)
			t->acked[b] = era;
		store_wants_fold(t->s);
	}
	t->done = true;
	pthread_join(folder, NULL);
	pthread_join(differ, NULL);
	assert_int_equal(store_close(t->s, true, NULL), 0);
	assert_int_equal(store_check(disk_engine(&d), complain, NULL, NULL, NULL), 0);
	disk_destroy(&d);
	free(t);
}

struct in_fold {
	struct store *s;
	unsigned int begun;
};

/*
 * Begins an era with a snapshot during a fold.  The era must not wait for the fold, which may take
 * seconds.
 */
static void begin_in_fold(struct disk *d, enum disk_op op, bool after, void *ctx)
{
	struct in_fold *f = ctx;

	if (op != DISK_WRITE || after || f->begun++)
		return;
	assert_int_equal(store_begin_snapshot(f->s, 3, true, NULL), 0);
	assert_int_equal(store_begin_snapshot(f->s, 4, true, NULL), -EBUSY);
	d->hook = NULL;
}

static void test_snapshot_begins_during_fold(void **state)
{
	const struct erad_range range = { .first = 7, .len = 1 };
	struct store_info info;
	struct in_fold f = { };
	struct engine *e;
	struct disk d;

	(void)state;
	disk_init(&d, store_size(&geometry, NULL));
	e = disk_engine(&d);
	assert_int_equal(store_format(e, &geometry, NULL, NULL, NULL), 0);
	assert_int_equal(store_open(e, STORE_WRITE, &f.s, NULL), 0);
	assert_int_equal(store_begin_era(f.s, 2, NULL), 0);
	assert_int_equal(store_mark(f.s, &range, 1, NULL), 0);
	d.hook = begin_in_fold;
	d.hook_ctx = &f;
	/* ends the test if the thread waits for a lock that it holds itself */
	alarm(60);
	assert_int_equal(store_fold(f.s, NULL), 0);
	alarm(0);
	assert_int_not_equal(f.begun, 0);
	assert_int_equal(store_fold(f.s, NULL), 0);
	store_info(f.s, &info);
	assert_int_equal(info.snapshot_era, 2);
	assert_int_equal(store_close(f.s, true, NULL), 0);
	disk_destroy(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_snapshot_begins_during_fold),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
