// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pool of memory for marks: neither a mark nor a fold calls the heap, and marks succeed even if
 * the pool is empty.
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

#include <cmocka.h>

#include "disk.h"
#include "heap.h"
#include "rnd.h"
#include "store/pool.h"
#include "store/state.h"

#define LEAF		(1u << BITSET_LEAF_SHIFT)
#define LEAVES		40u
#define NR_BLOCKS	(LEAVES * LEAF)

static const struct store_geometry geometry = {
	.uuid = { 1, 2, 3 }, .nr_sectors = NR_BLOCKS * 8ull, .block_sectors = 8, .journal_pages = 64,
};

struct fixture {
	struct disk disk;
	struct store *s;
	uint8_t *written;	/* expected content: whether each block was marked */
	uint64_t rnd;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct engine *e;

	disk_init(&f->disk, store_size(&geometry, NULL));
	e = disk_engine(&f->disk);
	assert_int_equal(store_format(e, &geometry, NULL, NULL, NULL), 0);
	assert_int_equal(store_open(e, STORE_WRITE, &f->s, NULL), 0);
	assert_int_equal(store_begin_era(f->s, 1, NULL), 0);
	f->written = calloc(1, NR_BLOCKS);
	f->disk.hook = heap_spare_disk;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	if (f->s)
		store_close(f->s, false, NULL);
	disk_destroy(&f->disk);
	free(f->written);
	free(f);
	return 0;
}

/* Takes nodes out of the pool until `left` nodes remain. */
static void drain_pool(struct store *s, size_t left)
{
	struct nodes nodes = { 0 };

	if (s->pool.nr > left)
		nodes_move(&nodes, &s->pool, s->pool.nr - left);
	nodes_free(&nodes);
}

static uint64_t nr_folds(struct store *s)
{
	struct store_info info;

	store_info(s, &info);
	return info.folds;
}

/* Makes ranges of a few blocks in each of many leaves, in random order. Returns their number. */
static unsigned int many_leaves(struct fixture *f, struct erad_range *r)
{
	unsigned int i;

	for (i = 0; i < LEAVES; i++) {
		r[i] = (struct erad_range){ .first = (i * 7 % LEAVES) * LEAF + rnd_below(&f->rnd, LEAF - 100) };
		r[i].len = 1 + rnd_below(&f->rnd, 99);
	}
	return i;
}

static int mark_ranges(struct fixture *f, const struct erad_range *r, unsigned int nr)
{
	int ret;

	heap_forbid(true);
	ret = store_mark(f->s, r, nr, NULL);
	heap_forbid(false);
	if (!ret)
		for (; nr; nr--, r++)
			memset(f->written + r->first, 1, r->len);
	return ret;
}

static int fold_store(struct fixture *f)
{
	int ret;

	heap_forbid(true);
	ret = store_fold(f->s, NULL);
	heap_forbid(false);
	return ret;
}

static void assert_heap_not_called(void)
{
	void *caller;
	unsigned long calls = heap_forbidden_calls(&caller);

	if (calls)
		fail_msg("got %lu calls of the heap, the last from %p, expected none", calls, caller);
}

static int add_extent(void *ctx, uint64_t first, uint64_t len)
{
	memset((uint8_t *)ctx + first, 1, len);
	return 0;
}

static void assert_diff_exact(struct fixture *f)
{
	uint8_t *got = calloc(1, NR_BLOCKS);

	assert_int_equal(store_diff(f->s, 1, add_extent, got, NULL), 0);
	assert_int_equal(memcmp(got, f->written, NR_BLOCKS), 0);
	free(got);
}

/*
 * Opens the store again, as after a crash of the process, and checks that it contains every
 * acknowledged mark.
 */
static void reopen_store(struct fixture *f)
{
	assert_int_equal(store_close(f->s, false, NULL), 0);
	assert_int_equal(store_open(disk_engine(&f->disk), STORE_WRITE, &f->s, NULL), 0);
}

/*
 * Runs all kinds of work: marks on new leaves, a journal that becomes full, eras, folds, and a
 * snapshot whose pages are saved.
 */
static void test_marks_and_folds_do_not_call_the_heap(void **state)
{
	struct erad_range r[LEAVES];
	struct fixture *f = *state;
	unsigned int i;

	for (i = 0; i < 200; i++) {
		assert_int_equal(mark_ranges(f, r, many_leaves(f, r)), 0);
		if (i % 50 == 20)
			assert_int_equal(store_begin_era(f->s, 2 + i, NULL), 0);
		if (i == 60)
			assert_int_equal(store_begin_snapshot(f->s, 2 + i, true, NULL), 0);
		if (i % 30 == 10)
			assert_int_equal(fold_store(f), 0);
		if (i % 70 == 30)
			store_fill_pool(f->s);
		if (i == 150)
			assert_int_equal(store_drop_snapshot(f->s, NULL), 0);
	}
	assert_true(nr_folds(f->s) > 200 / 30);
	assert_heap_not_called();
	assert_diff_exact(f);
}

/* The pool has only enough memory for a few runs. */
static void test_marks_in_an_empty_pool_fold_and_miss_nothing(void **state)
{
	struct erad_range r[LEAVES];
	struct fixture *f = *state;
	const size_t needs = overlay_needs(&f->s->active);
	uint64_t folds;
	unsigned int i, nr;

	for (i = 0; i < 12; i++) {
		assert_int_equal(store_fold(f->s, NULL), 0);
		drain_pool(f->s, needs + i);
		folds = nr_folds(f->s);
		nr = many_leaves(f, r);
		assert_int_equal(mark_ranges(f, r, nr), 0);
		/*
		 * Each run takes a leaf from the pool, so a group has at most needs + i runs. So
		 * the mark needs at least this many folds.
		 */
		assert_true(nr_folds(f->s) - folds >= nr / (needs + i));
		assert_diff_exact(f);
		reopen_store(f);
		assert_diff_exact(f);
	}
	assert_heap_not_called();
}

/*
 * If the I/O of one group fails, the mark fails.  When the same mark is attempted again, it marks
 * the remaining blocks.
 */
static void test_mark_of_parts_that_fails_can_be_made_again(void **state)
{
	struct erad_range r[LEAVES];
	struct fixture *f = *state;
	const size_t needs = overlay_needs(&f->s->active);
	uint64_t at;
	unsigned int nr;
	int ret = -EIO;

	for (at = 0; ret; at += 3) {
		assert_int_equal(store_fold(f->s, NULL), 0);
		drain_pool(f->s, needs + 2);
		nr = many_leaves(f, r);
		f->disk.fail_from = f->disk.ops + at;
		f->disk.fail_to = f->disk.fail_from + 1;
		ret = mark_ranges(f, r, nr);
		assert_true(!ret || ret == -EIO);
		if (ret)
			assert_int_equal(mark_ranges(f, r, nr), 0);
		f->disk.fail_to = 0;
		assert_diff_exact(f);
		reopen_store(f);
		assert_diff_exact(f);
	}
	assert_true(at > 30);
	assert_heap_not_called();
}

/* Marks that have failed are not in the journal, but they take memory until the next fold. */
static void test_memory_of_marks_that_failed_comes_back(void **state)
{
	struct erad_range r[LEAVES];
	struct fixture *f = *state;
	unsigned int i;

	assert_int_equal(store_fold(f->s, NULL), 0);
	drain_pool(f->s, overlay_needs(&f->s->active));
	f->disk.fail_from = f->disk.ops;
	f->disk.fail_to = UINT64_MAX;
	for (i = 0; i < 2; i++)
		assert_int_equal(mark_ranges(f, r, many_leaves(f, r)), -EIO);
	assert_int_not_equal(overlay_bytes(&f->s->active) + overlay_bytes(&f->s->frozen), 0);
	f->disk.fail_to = 0;
	assert_int_equal(mark_ranges(f, r, many_leaves(f, r)), 0);
	assert_int_equal(store_fold(f->s, NULL), 0);
	assert_int_equal(overlay_bytes(&f->s->active) + overlay_bytes(&f->s->frozen), 0);
	assert_heap_not_called();
}

static void test_pool_is_filled_and_trimmed(void **state)
{
	struct erad_range r[LEAVES];
	struct fixture *f = *state;
	size_t full;
	unsigned int i;

	store_fill_pool(f->s);
	assert_false(store_pool_low(f->s));
	assert_false(store_fill_pool(f->s));
	full = f->s->pool.nr;
	assert_in_range(full, 2 * LEAVES, POOL_MAX);
	drain_pool(f->s, full / 2);
	assert_false(store_pool_low(f->s));
	drain_pool(f->s, full / 2 - 1);
	assert_true(store_pool_low(f->s));
	assert_true(store_fill_pool(f->s));
	assert_int_equal(f->s->pool.nr, full);
	/* Many eras begin between two folds, and the pool is filled all the time. */
	for (i = 2; i < 12; i++) {
		assert_int_equal(store_begin_era(f->s, i, NULL), 0);
		assert_int_equal(mark_ranges(f, r, many_leaves(f, r)), 0);
		store_fill_pool(f->s);
	}
	assert_int_equal(f->s->pool.nr, full);
	assert_int_equal(fold_store(f), 0);
	assert_true(f->s->pool.nr > 10 * LEAVES);
	assert_false(store_fill_pool(f->s));
	assert_int_equal(f->s->pool.nr, full);
	assert_heap_not_called();
}

/* After a fold, the pool has enough nodes for marks, even if the snapshot has taken many nodes. */
static void test_snapshot_leaves_memory_for_marks(void **state)
{
	struct erad_range r[LEAVES];
	struct fixture *f = *state;
	unsigned int i;

	assert_int_equal(store_fold(f->s, NULL), 0);
	drain_pool(f->s, POOL_MIN);
	assert_int_equal(store_begin_snapshot(f->s, 2, true, NULL), 0);
	for (i = 0; i < 20; i++) {
		assert_int_equal(mark_ranges(f, r, many_leaves(f, r)), 0);
		assert_int_equal(fold_store(f), 0);
		assert_in_range(f->s->pool.nr, POOL_MIN, POOL_MIN);
	}
	assert_heap_not_called();
	assert_diff_exact(f);
}

struct folder {
	struct store *s;
	atomic_bool done;
};

/* Does the work of a volume's fold thread, while another thread takes nodes. */
static void *fold_thread(void *arg)
{
	struct folder *t = arg;
	struct nodes nodes = { 0 };
	unsigned int i;

	for (i = 0; !t->done; i++) {
		store_fill_pool(t->s);
		if (i % 2)
			assert_int_equal(store_fold(t->s, NULL), 0);
		pthread_mutex_lock(&t->s->lock);
		if (t->s->pool.nr > POOL_MIN)
			nodes_move(&nodes, &t->s->pool, t->s->pool.nr - POOL_MIN);
		pthread_mutex_unlock(&t->s->lock);
		nodes_free(&nodes);
	}
	return NULL;
}

static void test_marks_folds_and_fills_at_once(void **state)
{
	struct erad_range r[LEAVES];
	struct fixture *f = *state;
	struct folder t = { .s = f->s };
	uint32_t era = 1;
	pthread_t folder;
	unsigned int i;

	assert_int_equal(pthread_create(&folder, NULL, fold_thread, &t), 0);
	for (i = 0; i < 300; i++) {
		assert_int_equal(mark_ranges(f, r, many_leaves(f, r)), 0);
		if (i % 10 == 0)
			assert_int_equal(store_begin_era(f->s, ++era, NULL), 0);
	}
	t.done = true;
	pthread_join(folder, NULL);
	assert_heap_not_called();
	assert_diff_exact(f);
	reopen_store(f);
	assert_diff_exact(f);
}

#define with_store(test)	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_store(test_marks_and_folds_do_not_call_the_heap),
		with_store(test_marks_in_an_empty_pool_fold_and_miss_nothing),
		with_store(test_mark_of_parts_that_fails_can_be_made_again),
		with_store(test_memory_of_marks_that_failed_comes_back),
		with_store(test_pool_is_filled_and_trimmed),
		with_store(test_snapshot_leaves_memory_for_marks),
		with_store(test_marks_folds_and_fills_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
