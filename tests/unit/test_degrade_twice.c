// SPDX-License-Identifier: GPL-2.0-or-later
/* A target degrades again while the store raises the floor of its first degrade record. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "degraded_volume.h"

/* A target that writes a record while the floor of the previous record is being written. */
struct second {
	const uint8_t *content;
	enum disk_op op;
	bool after;
	/* the target writes at operation number `at` of the kind `op` */
	unsigned int calls, at;
};

static void degrade_meanwhile(struct disk *d, enum disk_op op, bool after, void *ctx)
{
	struct second *x = ctx;

	if (op == x->op && after == x->after && x->calls++ == x->at)
		degrade(d, x->content);
}

static int check_second(void *ctx, uint8_t *image)
{
	const uint32_t *era = ctx;
	struct store *s;
	struct disk d;

	disk_init_copy(&d, image, store_size(&geometry, NULL));
	s = open_store(&d, STORE_READ);
	assert_int_equal(diff_blocks(s, *era), NR_BLOCKS);
	store_close(s, false, NULL);
	disk_destroy(&d);
	return 0;
}

/*
 * Tests one moment at which the target writes.  next true: the target has already received the next
 * record, with another serial and era 4, and writes this record.  next false: the target writes the
 * record of the first degrade again, with era 3.  After a power cut at any point, every block must
 * count as written in the era of the written record.
 */
static void degrade_during_floor(bool next, struct second x, bool *done)
{
	uint8_t content[ERAD_SECTOR], again[ERAD_SECTOR];
	uint32_t era = next ? 4 : 3;
	struct store *s;
	struct disk d;

	s = open_degraded(&d);
	if (next) {
		set_floor_and_begin(s, 4);
		given(s, again);
	} else {
		memcpy(again, RECORD(&d), sizeof(again));
	}
	x.content = again;
	d.hook_ctx = &x;
	d.hook = degrade_meanwhile;
	assert_int_equal(store_set_floor(s, NULL), 0);
	d.hook = NULL;
	*done = x.calls <= x.at;
	assert_int_equal(disk_crash(&d, 64, 1, check_second, &era), 0);
	assert_int_equal(store_find_degraded(s, NULL), 0);
	assert_true(store_degraded(s));
	come_back(s, content);
	assert_int_equal(diff_blocks(s, era), NR_BLOCKS);
	assert_int_equal(diff_blocks(s, era + 1), 0);
	store_close(s, false, NULL);
	assert_info(&d, era + 1, era, false);
	disk_destroy(&d);
}

static void test_a_second_record_while_the_floor_of_the_first_is_written(void **state)
{
	static const enum disk_op ops[] = { DISK_READ, DISK_WRITE, DISK_FLUSH };
	unsigned int n = 0;
	bool done;

	(void)state;
	for (int next = 0; next < 2; next++)
		for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
			for (int after = 0; after < 2; after++) {
				struct second x = { .op = ops[i], .after = after };

				for (done = false; !done; x.at++, n++)
					degrade_during_floor(next, x, &done);
			}
	/*
	 * Check that the loop has tested many moments at which the target writes, and not the same
	 * moment again and again.
	 */
	assert_in_range(n, 20, 200);
}

/*
 * Tests the same with a metadata device that fails afterwards, so that the floor of the second
 * record is not written.
 */
static void test_a_second_record_whose_floor_fails_stays_in_force(void **state)
{
	uint8_t content[ERAD_SECTOR];
	uint32_t era = 4;
	struct store *s;
	struct disk d;

	(void)state;
	for (unsigned int nth = 0; ; nth++) {
		int r;

		s = open_degraded(&d);
		set_floor_and_begin(s, 4);
		given(s, content);
		degrade(&d, content);
		assert_int_equal(store_find_degraded(s, NULL), 0);
		d.fail_from = d.ops + nth;
		d.fail_to = d.fail_from + 1;
		d.fail_torn = d.fail_lossy = true;
		r = store_set_floor(s, NULL);
		assert_true(r == 0 || r == -EIO);
		assert_int_equal(diff_blocks(s, 4), NR_BLOCKS);
		assert_int_equal(disk_crash(&d, 64, 1, check_second, &era), 0);
		if (r) {
			given(s, content);
			assert_int_equal(store_clear_degraded(s, NULL), -EINVAL);
			assert_true(store_wants_floor(s));
		}
		store_close(s, false, NULL);
		s = open_store(&d, STORE_WRITE);
		come_back(s, content);
		assert_int_equal(diff_blocks(s, 4), NR_BLOCKS);
		store_close(s, false, NULL);
		disk_destroy(&d);
		if (!r)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_second_record_while_the_floor_of_the_first_is_written),
		cmocka_unit_test(test_a_second_record_whose_floor_fails_stays_in_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
