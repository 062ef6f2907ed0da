// SPDX-License-Identifier: GPL-2.0-or-later
/* The module's writeset, kmod/writeset.c: compares its bits with an array of bytes, and tests its counts of writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "kernel.h"

#include <cmocka.h>

#include "rnd.h"
#include "writeset.h"

#define PAGE_BITS	ERAD_BITS_PER_PAGE

static unsigned int nr_done;

static void on_done(struct erad_writeset *ws)
{
	assert_ptr_equal(ws->data, &nr_done);
	nr_done++;
}

static struct erad_writeset *make_writeset(u64 nr_blocks)
{
	struct erad_writeset *ws = erad_writeset_alloc(nr_blocks, 7, on_done, &nr_done);

	assert_non_null(ws);
	assert_int_equal(ws->era, 7);
	assert_int_equal(ws->nr_blocks, nr_blocks);
	return ws;
}

static int setup(void **state)
{
	(void)state;
	nr_done = 0;
	kernel_cpu = 0;
	kernel_in_grace_period = NULL;
	return erad_writeset_init();
}

/* Checks that all memory that a test has allocated was freed.  Frees the page of ones first. */
static int teardown(void **state)
{
	(void)state;
	assert_int_equal(kernel_used_pages, 1);
	erad_writeset_exit();
	assert_int_equal(kernel_used_pages, 0);
	assert_int_equal(kernel_rcu_depth, 0);
	return 0;
}

/* ---- bits ---- */

static u64 naive_next_missing(const uint8_t *bytes, u64 first, u64 last)
{
	while (first <= last && bytes[first])
		first++;
	return first;
}

static void compare_bits(struct erad_writeset *ws, const uint8_t *bytes, u64 first, u64 last)
{
	u64 missing = naive_next_missing(bytes, first, last);

	assert_int_equal(erad_writeset_next_missing(ws, first, last), missing);
	assert_int_equal(erad_writeset_has(ws, first, last), missing > last);
}

static void set_bits(struct erad_writeset *ws, uint8_t *bytes, u64 first, u64 last)
{
	u64 nr_new = 0, b;

	for (b = first; b <= last; b++) {
		nr_new += !bytes[b];
		bytes[b] = 1;
	}
	assert_int_equal(erad_writeset_set(ws, first, last), nr_new);
}

static void test_any_set_is_found_as_in_an_array_of_bytes(void **state)
{
	static const u64 sizes[] = { 1, 63, 64, 65, PAGE_BITS - 1, PAGE_BITS, PAGE_BITS + 1, 3 * PAGE_BITS + 100 };
	u64 r = 1;
	size_t i;
	int k, n;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		const u64 nr = sizes[i];
		uint8_t *bytes = calloc(1, nr);
		struct erad_writeset *ws = make_writeset(nr);

		for (k = 0; k < 60; k++) {
			u64 first = rnd_below(&r, nr);
			u64 len = 1 + rnd_below(&r, rnd_below(&r, 4) ? 200 : nr);

			set_bits(ws, bytes, first, min(first + len, nr) - 1);
			for (n = 0; n < 20; n++) {
				first = rnd_below(&r, nr);
				len = 1 + rnd_below(&r, rnd_below(&r, 2) ? 3 : nr - first);
				compare_bits(ws, bytes, first, min(first + len, nr) - 1);
			}
			compare_bits(ws, bytes, 0, nr - 1);
		}
		erad_writeset_free(ws);
		free(bytes);
	}
}

static void test_first_and_last_block_of_each_page(void **state)
{
	const u64 nr = 2 * PAGE_BITS + 5;
	const u64 at[] = { 0, PAGE_BITS - 1, PAGE_BITS, 2 * PAGE_BITS - 1, 2 * PAGE_BITS, nr - 1 };
	uint8_t *bytes = calloc(1, nr);
	struct erad_writeset *ws = make_writeset(nr);
	size_t i, k;

	(void)state;
	assert_int_equal(ws->nr_pages, 3);
	for (i = 0; i < sizeof(at) / sizeof(*at); i++) {
		set_bits(ws, bytes, at[i], at[i]);
		for (k = 0; k < sizeof(at) / sizeof(*at); k++) {
			compare_bits(ws, bytes, at[k], at[k]);
			compare_bits(ws, bytes, at[k], nr - 1);
			compare_bits(ws, bytes, 0, at[k]);
		}
	}
	/* these bits cross a border between pages, and fill neither page */
	set_bits(ws, bytes, PAGE_BITS - 3, PAGE_BITS + 3);
	compare_bits(ws, bytes, PAGE_BITS - 3, PAGE_BITS + 3);
	compare_bits(ws, bytes, PAGE_BITS - 4, PAGE_BITS + 4);
	/* these bits reach from one page to the page after the next */
	set_bits(ws, bytes, PAGE_BITS - 10, 2 * PAGE_BITS);
	compare_bits(ws, bytes, 0, nr - 1);
	compare_bits(ws, bytes, PAGE_BITS - 10, 2 * PAGE_BITS);
	assert_int_equal(erad_writeset_set(ws, PAGE_BITS - 10, 2 * PAGE_BITS), 0);
	erad_writeset_free(ws);
	free(bytes);
}

static void test_page_set_in_one_call_needs_no_memory(void **state)
{
	const u64 nr = 3 * PAGE_BITS;
	struct erad_writeset *ws = make_writeset(nr), *other = make_writeset(nr);
	const u64 empty = erad_writeset_bytes(ws);

	(void)state;
	assert_int_equal(empty, sizeof(*ws) + 3 * sizeof(ws->dir[0]));
	assert_int_equal(erad_writeset_set(ws, PAGE_BITS, 2 * PAGE_BITS - 1), PAGE_BITS);
	assert_int_equal(erad_writeset_bytes(ws), empty);
	assert_int_equal(kernel_used_pages, 1);
	assert_true(erad_writeset_has(ws, PAGE_BITS, 2 * PAGE_BITS - 1));
	assert_int_equal(erad_writeset_next_missing(ws, PAGE_BITS, 2 * PAGE_BITS), 2 * PAGE_BITS);

	/*
	 * Setting bits that are set already changes nothing.  The page that all writesets share
	 * does not change.
	 */
	assert_int_equal(erad_writeset_set(ws, PAGE_BITS + 5, PAGE_BITS + 9), 0);
	assert_int_equal(erad_writeset_set(other, PAGE_BITS, 2 * PAGE_BITS - 1), PAGE_BITS);
	assert_ptr_equal(ws->dir[1], other->dir[1]);
	erad_writeset_free(other);
	assert_true(erad_writeset_has(ws, PAGE_BITS, 2 * PAGE_BITS - 1));

	/*
	 * A page whose bits were set in several calls keeps its own memory, and does not become the
	 * shared page.
	 */
	assert_int_equal(erad_writeset_set(ws, 0, 0), 1);
	assert_int_equal(erad_writeset_set(ws, 0, PAGE_BITS - 1), PAGE_BITS - 1);
	assert_int_equal(erad_writeset_bytes(ws), empty + PAGE_SIZE);
	assert_ptr_not_equal(ws->dir[0], ws->dir[1]);
	erad_writeset_free(ws);
}

static void test_bits_stay_clear_without_memory(void **state)
{
	const u64 nr = 3 * PAGE_BITS;
	struct erad_writeset *ws = make_writeset(nr);

	(void)state;
	kernel_free_pages = 1;
	/* page 0 gets memory; page 1 becomes full at once and needs none; for page 2 there is no memory */
	assert_int_equal(erad_writeset_set(ws, PAGE_BITS - 2, 2 * PAGE_BITS + 1), 2 + PAGE_BITS);
	kernel_free_pages = ULONG_MAX;
	assert_int_equal(erad_writeset_next_missing(ws, PAGE_BITS - 2, nr - 1), 2 * PAGE_BITS);
	assert_int_equal(erad_writeset_set(ws, PAGE_BITS - 2, 2 * PAGE_BITS + 1), 2);
	assert_true(erad_writeset_has(ws, PAGE_BITS - 2, 2 * PAGE_BITS + 1));
	erad_writeset_free(ws);
}

static void test_fill_sets_all_bits_and_allocates_nothing(void **state)
{
	const u64 nr = 3 * PAGE_BITS + 7;
	struct erad_writeset *ws = make_writeset(nr);
	u64 bytes;

	(void)state;
	erad_writeset_set(ws, 5, 5);				/* page 0 gets memory of its own */
	erad_writeset_set(ws, PAGE_BITS, 2 * PAGE_BITS - 1);	/* page 1 is the shared page of ones */
	bytes = erad_writeset_bytes(ws);
	kernel_free_pages = 0;
	erad_writeset_fill(ws);
	kernel_free_pages = ULONG_MAX;
	assert_true(erad_writeset_has(ws, 0, nr - 1));
	assert_int_equal(erad_writeset_set(ws, 0, nr - 1), 0);
	assert_int_equal(erad_writeset_bytes(ws), bytes);
	erad_writeset_free(ws);
}

static void test_alloc_refuses_a_directory_that_cannot_fit(void **state)
{
	const u64 nr = 1000 * PAGE_BITS * (PAGE_SIZE / sizeof(unsigned long *));	/* the directory has 1000 pages */
	const unsigned long ram_pages = kernel_ram_pages;
	struct erad_writeset *ws;

	(void)state;
	kernel_ram_pages = 3999;
	assert_null(erad_writeset_alloc(nr, 1, on_done, NULL));
	kernel_ram_pages = 4000;
	ws = erad_writeset_alloc(nr, 1, on_done, NULL);
	assert_non_null(ws);
	erad_writeset_free(ws);
	kernel_ram_pages = ram_pages;

	kernel_kvzalloc_fails = true;
	assert_null(erad_writeset_alloc(1, 1, on_done, NULL));
	kernel_kvzalloc_fails = false;
}

static void test_largest_number_of_blocks_fits_an_allocation(void **state)
{
	const u64 pages = erad_writeset_max_blocks() / PAGE_BITS;
	struct erad_writeset *ws = NULL;

	(void)state;
	assert_true(struct_size(ws, dir, pages) <= INT_MAX);
	assert_true(struct_size(ws, dir, pages + 1) > INT_MAX);
}

static void test_no_writeset_is_nothing(void **state)
{
	(void)state;
	erad_writeset_free(NULL);
	assert_int_equal(erad_writeset_begun(NULL), 0);
	assert_int_equal(erad_writeset_bytes(NULL), 0);
}

/* ---- writes in flight ---- */

static _Alignas(KERNEL_CPU_STRIDE) struct {
	struct erad_io_counts counts;
	char pad[KERNEL_CPU_STRIDE - sizeof(struct erad_io_counts)];
} cpus[KERNEL_CPUS];

static struct erad_writeset *make_counting(void)
{
	struct erad_writeset *ws = make_writeset(1);

	ws->counts = &cpus[0].counts;
	nr_done = 0;
	return ws;
}

static void begin_on(struct erad_writeset *ws, unsigned int cpu)
{
	kernel_cpu = cpu;
	erad_writeset_begin_write(ws);
}

static void end_on(struct erad_writeset *ws, unsigned int cpu)
{
	kernel_cpu = cpu;
	erad_writeset_end_write(ws);
}

static void free_counting(struct erad_writeset *ws, u64 begun)
{
	static const struct erad_io_counts none;
	unsigned int cpu;

	assert_int_equal(nr_done, 1);
	assert_int_equal(erad_writeset_begun(ws), begun);
	assert_int_equal(erad_writeset_take_begun(ws), begun);
	for (cpu = 0; cpu < KERNEL_CPUS; cpu++)
		assert_memory_equal(&cpus[cpu].counts, &none, sizeof(none));
	erad_writeset_free(ws);
}

static void test_drain_without_writes_is_done_at_once(void **state)
{
	struct erad_writeset *ws = make_counting();

	(void)state;
	begin_on(ws, 0);
	end_on(ws, 2);
	erad_writeset_retire(ws);
	assert_int_equal(nr_done, 0);
	erad_writeset_add_remaining(ws);
	free_counting(ws, 1);
}

static void test_drain_is_done_with_the_last_write(void **state)
{
	struct erad_writeset *ws = make_counting();

	(void)state;
	begin_on(ws, 0);
	begin_on(ws, 1);
	begin_on(ws, 1);
	end_on(ws, 0);
	erad_writeset_retire(ws);
	erad_writeset_add_remaining(ws);
	assert_int_equal(nr_done, 0);
	end_on(ws, 2);
	assert_int_equal(nr_done, 0);
	end_on(ws, 0);
	free_counting(ws, 3);
}

/*
 * The moments at which a write of the random plan begins or ends.  IN_GRACE: during the grace
 * period.  IN_GRACE_AS_BEFORE: during the grace period, but in an RCU section that began before the
 * retirement.  This section still finds the writeset as it was before the retirement.
 */
enum when { BEFORE, IN_GRACE_AS_BEFORE, IN_GRACE, LATER };

#define NR_WRITES	6

static struct {
	struct erad_writeset *ws;
	enum when begin[NR_WRITES], end[NR_WRITES];
	u64 rnd;
} plan;

static void do_begins(enum when when)
{
	unsigned int i;

	for (i = 0; i < NR_WRITES; i++)
		if (plan.begin[i] == when)
			begin_on(plan.ws, rnd_below(&plan.rnd, KERNEL_CPUS));
}

static void do_ends(enum when when)
{
	unsigned int i;

	for (i = 0; i < NR_WRITES; i++) {
		if (plan.end[i] != when)
			continue;
		assert_int_equal(nr_done, 0);
		end_on(plan.ws, rnd_below(&plan.rnd, KERNEL_CPUS));
	}
}

static void in_grace_period(void)
{
	/* sections that began before the retirement do not see it */
	plan.ws->retired = false;
	do_begins(IN_GRACE_AS_BEFORE);
	do_ends(IN_GRACE_AS_BEFORE);
	plan.ws->retired = true;
	do_ends(IN_GRACE);
}

static void test_drain_is_done_once_however_writes_end(void **state)
{
	unsigned int round, i, late;

	(void)state;
	plan.rnd = 1;
	kernel_in_grace_period = in_grace_period;
	for (round = 0; round < 20000; round++) {
		plan.ws = make_counting();
		for (i = 0; i < NR_WRITES; i++) {
			plan.begin[i] = rnd_below(&plan.rnd, 2) ? BEFORE : IN_GRACE_AS_BEFORE;
			do
				plan.end[i] = rnd_below(&plan.rnd, 4);
			while (plan.end[i] < plan.begin[i]);
		}
		do_begins(BEFORE);
		do_ends(BEFORE);
		erad_writeset_retire(plan.ws);
		erad_writeset_add_remaining(plan.ws);
		for (i = late = 0; i < NR_WRITES; i++)
			late += plan.end[i] == LATER;
		assert_int_equal(nr_done, !late);
		do_ends(LATER);
		free_counting(plan.ws, NR_WRITES);
	}
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_any_set_is_found_as_in_an_array_of_bytes),
		TEST(test_first_and_last_block_of_each_page),
		TEST(test_page_set_in_one_call_needs_no_memory),
		TEST(test_bits_stay_clear_without_memory),
		TEST(test_fill_sets_all_bits_and_allocates_nothing),
		TEST(test_alloc_refuses_a_directory_that_cannot_fit),
		TEST(test_largest_number_of_blocks_fits_an_allocation),
		TEST(test_no_writeset_is_nothing),
		TEST(test_drain_without_writes_is_done_at_once),
		TEST(test_drain_is_done_with_the_last_write),
		TEST(test_drain_is_done_once_however_writes_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
