// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * I/O of the metadata fails at any point of a history: nothing that was acknowledged is lost, and
 * the store works again when the disk works again.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model.h"
#include "rnd.h"
#include "volume.h"

enum step_kind {
	FORMAT,
	OPEN,
	ERA,
	MARK,		/* arg: number of blocks, which are far from each other */
	FOLD,
	SNAPSHOT,
	DROP,
	CLOSE,
	KILL,		/* this step does no I/O, so it cannot fail */
};

static const struct step {
	enum step_kind kind;
	unsigned int arg;
} history[] = {
	{ FORMAT, 0 }, { OPEN, 0 }, { ERA, 0 }, { MARK, 1 }, { MARK, 90 }, { FOLD, 0 },
	{ ERA, 0 }, { MARK, 3 }, { KILL, 0 }, { OPEN, 0 }, { MARK, 2 }, { ERA, 0 },
	/* The journal has 16 pages and wraps, so marks must fold. */
	{ MARK, 1 }, { MARK, 700 }, { MARK, 2 }, { MARK, 1 }, { MARK, 5 }, { MARK, 700 },
	{ ERA, 0 }, { MARK, 1 }, { MARK, 9 }, { MARK, 1 }, { MARK, 2 }, { MARK, 3 },
	{ CLOSE, 0 }, { OPEN, 0 }, { ERA, 0 }, { MARK, 4 }, { KILL, 0 }, { OPEN, 0 },
	{ MARK, 700 }, { FOLD, 0 }, { MARK, 1 }, { CLOSE, 0 }, { OPEN, 0 },
};

/* These steps are similar, with a snapshot, on metadata that has room for one. */
static const struct step with_snapshot[] = {
	{ FORMAT, 0 }, { OPEN, 0 }, { ERA, 0 }, { MARK, 90 }, { SNAPSHOT, 0 }, { MARK, 3 },
	{ FOLD, 0 }, { MARK, 40 }, { FOLD, 0 }, { KILL, 0 }, { OPEN, 0 }, { MARK, 5 },
	{ FOLD, 0 }, { DROP, 0 }, { MARK, 1 }, { CLOSE, 0 }, { OPEN, 0 },
};

struct run {
	struct disk d;
	struct store *s;
	struct model m;
	uint32_t era;
	uint64_t rnd;
	unsigned int failures;
	struct erad_range range[ERAD_MAX_RANGES];
};

/* Attempts a step once, and returns the result. A further call attempts the same step again. */
static int attempt_step(struct run *r, const struct step *step, struct err *err)
{
	struct engine *e;
	int ret;

	switch (step->kind) {
	case FORMAT:
		e = disk_engine(&r->d);
		ret = store_format(e, &geometry, NULL, NULL, err);
		engine_destroy(e);
		return ret;
	case OPEN:
		model_opening(&r->m);
		return store_open(disk_engine(&r->d), STORE_WRITE, &r->s, err);
	case ERA:
		model_try_era(&r->m, r->era + 1);
		ret = store_begin_era(r->s, r->era + 1, err);
		break;
	case SNAPSHOT:
		model_try_era(&r->m, r->era + 1);
		ret = store_begin_snapshot(r->s, r->era + 1, true, err);
		if (!ret)
			model_try_snapshot(&r->m, r->era, true);
		break;
	case MARK:
		model_try_mark(&r->m, r->range, step->arg, r->era);
		ret = store_mark(r->s, r->range, step->arg, err);
		if (!ret)
			model_ack_mark(&r->m, r->range, step->arg, r->era);
		return ret;
	case FOLD:
		ret = store_fold(r->s, err);
		if (!ret && r->m.snap.may)
			model_ack_snapshot(&r->m);
		return ret;
	case DROP:
		model_try_drop(&r->m);
		ret = store_drop_snapshot(r->s, err);
		if (!ret)
			model_ack_drop(&r->m);
		return ret;
	case CLOSE:
		ret = store_close(r->s, true, err);
		r->s = NULL;
		return ret;
	case KILL:
		r->s = (store_close(r->s, false, err), NULL);
		return 0;
	default:
		return -EINVAL;
	}
	if (!ret)
		model_ack_era(&r->m, ++r->era);
	return ret;
}

/* The message is one sentence, which names the disk and the error. */
static void check_message(const struct err *err, int ret)
{
	assert_int_equal(ret, -EIO);
	assert_memory_equal(err->msg, "disk: ", 6);
	assert_null(strchr(err->msg, '\n'));
	assert_string_equal(err->msg + strlen(err->msg) - strlen(": Input/output error"),
			    ": Input/output error");
}

static int check_image(void *ctx, uint8_t *image)
{
	struct run *r = ctx;
	struct err err = { "" };
	struct store *s;
	struct disk d;
	int ret;

	disk_init_shared(&d, image, r->d.size);
	ret = store_open(disk_engine(&d), STORE_READ, &s, &err);
	if (!ret) {
		ret = model_check(&r->m, s, &r->rnd, &err);
		store_close(s, false, NULL);
	}
	disk_destroy(&d);
	if (ret)
		print_message("%s\n", err.msg);
	return ret;
}

/* Checks the metadata after the step has failed, before the step is attempted again. */
static void check_failed(struct run *r, const struct step *step)
{
	struct err err = { "" };
	struct store *s;
	int ret;

	if (step->kind == FORMAT) {
		/* New metadata can be opened, or is refused. Its content is not checked here. */
		ret = store_open(disk_engine(&r->d), STORE_READ, &s, &err);
		if (!ret)
			store_close(s, false, NULL);
		assert_true(ret == 0 || ret == -EIO || ret == -ENODATA || ret == -EUCLEAN ||
			    ret == -EINVAL);
		return;
	}
	if (r->s) {
		ret = model_check(&r->m, r->s, NULL, &err);
		if (ret != -EIO && ret)
			print_message("%s\n", err.msg);
		assert_true(!ret || ret == -EIO);
	}
	/* Check the states that a power failure now could leave. */
	assert_int_equal(disk_crash(&r->d, 4, rnd(&r->rnd), check_image, r), 0);
}

static void prepare_disk(struct run *r, const struct step *step)
{
	unsigned int i;

	if (step->kind != MARK)
		return;
	for (i = 0; i < step->arg; i++) {
		r->range[i].first = rnd_below(&r->rnd, NR_BLOCKS - 8);
		r->range[i].len = 1 + rnd_below(&r->rnd, 8);
	}
}

static void heal_disk(struct disk *d)
{
	d->fail_from = UINT64_MAX;
	d->fail_to = 0;
}

static void do_step(struct run *r, const struct step *step, bool for_good)
{
	struct err err = { "" };
	unsigned int tries = 0;
	int ret;

	prepare_disk(r, step);
	while ((ret = attempt_step(r, step, &err))) {
		r->failures++;
		check_message(&err, ret);
		if (!tries)
			check_failed(r, step);
		/* A close that fails has closed the store, too. So it cannot be attempted again. */
		if (step->kind == CLOSE) {
			heal_disk(&r->d);
			return;
		}
		/*
		 * If the disk still fails, the second attempt fails, too.  Once the disk works, the
		 * step must succeed at the first attempt.
		 */
		assert_true(tries < (for_good ? 2u : 1u));
		if (++tries == (for_good ? 2u : 1u))
			heal_disk(&r->d);
		err.msg[0] = '\0';
	}
	if (step->kind == OPEN) {
		struct store_info info;

		store_info(r->s, &info);
		assert_in_range(info.era, r->m.era_min, r->m.era_max);
		r->era = info.era;
		model_opened(&r->m, &info);
	}
}

/* The bits of `mode`, which say how the disk of a history behaves. */
#define FOR_GOOD	1	/* all operations from the first failure on fail */
/* a failing write writes a part of its data, and a failing flush loses some writes */
#define NASTY		2
#define FUA		4	/* the disk supports durable writes */

/*
 * Runs the history.  fail_at: number of the first operation that fails; UINT64_MAX: none.  Returns
 * how many operations the history took.  Adds to *failures how often a step failed.
 */
static uint64_t run_history(const struct step *steps, size_t nr, uint64_t fail_at,
			    unsigned int mode, unsigned int *failures)
{
	struct run *r = calloc(1, sizeof(*r));
	struct store_info info;
	struct err err;
	uint64_t ops;
	size_t i;
	int ret;

	disk_init(&r->d, store_size(&geometry, NULL));
	model_init(&r->m, NR_BLOCKS);
	r->rnd = fail_at + 1;
	r->d.rnd = fail_at;
	r->d.fail_torn = r->d.fail_lossy = mode & NASTY;
	r->d.fua = mode & FUA;
	heal_disk(&r->d);
	if (fail_at != UINT64_MAX) {
		r->d.fail_from = fail_at;
		r->d.fail_to = mode & FOR_GOOD ? UINT64_MAX : fail_at + 1;
	}
	for (i = 0; i < nr; i++)
		do_step(r, &steps[i], mode & FOR_GOOD);
	ops = r->d.ops;
	heal_disk(&r->d);
	ret = model_check(&r->m, r->s, NULL, &err);
	if (ret)
		print_message("operation %" PRIu64 ": %s\n", fail_at, err.msg);
	assert_int_equal(ret, 0);
	assert_int_equal(store_close(r->s, true, &err), 0);
	assert_int_equal(check(&r->d, &info), 0);
	assert_int_equal(info.over_marked, 0);
	*failures += r->failures;
	model_destroy(&r->m);
	disk_destroy(&r->d);
	free(r);
	return ops;
}

static void every_operation(const struct step *steps, size_t nr)
{
	unsigned int none = 0, failures = 0, repeated = 0, runs = 0, mode;
	uint64_t ops, n;

	for (mode = 0; mode < 8; mode++) {
		ops = run_history(steps, nr, UINT64_MAX, mode & FUA, &none);
		for (n = 0; n < ops; n++, runs++)
			run_history(steps, nr, n, mode, mode & FUA ? &repeated : &failures);
	}
	print_message("%" PRIu64 " operations, %u histories, %u steps that failed\n", ops, runs,
		      failures);
	/*
	 * A failed I/O makes its step fail, with two exceptions: a read of one of the two
	 * superblocks, and a durable write, which is repeated without FUA.
	 */
	assert_int_equal(none, 0);
	assert_true(failures > runs / 2 * 9 / 10 - runs / 20);
}

static void test_history(void **state)
{
	(void)state;
	every_operation(history, sizeof(history) / sizeof(history[0]));
}

static void test_snapshot(void **state)
{
	(void)state;
	every_operation(with_snapshot, sizeof(with_snapshot) / sizeof(with_snapshot[0]));
}

/*
 * The journal accepts marks as long as it has room for the largest group.  After that, marks fail,
 * and no acknowledged mark is lost.
 */
static void test_full_ring(void **state)
{
	unsigned int held = 0, i;
	struct err err = { "" };
	struct store *s;
	struct disk d;

	(void)state;
	format(&d);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_begin_era(s, 1, NULL), 0);
	d.broken_from = ARRAY_START * ERAD_PAGE;
	while (!mark(s, held, 1))
		held++;
	/* The era uses one page.  A mark requires room for the largest group. */
	assert_int_equal(held, RING - 1 - ERAD_GROUP_MAX + 1);
	for (i = 0; i < 3; i++) {
		const struct erad_range r = { .first = 1000 + i, .len = 1 };

		assert_int_equal(store_mark(s, &r, 1, &err), -EIO);
		assert_non_null(strstr(err.msg, "cannot write the era array"));
		assert_int_equal(store_begin_era(s, 2, NULL), -EIO);
		assert_int_equal(store_fold(s, NULL), -EIO);
		assert_int_equal(diff_blocks(s, 1), held);
		/* The store cannot be closed cleanly.  Another process finds the journal as full as before. */
		assert_int_equal(store_close(s, true, NULL), -EIO);
		s = open_store(&d, STORE_WRITE);
	}
	assert_int_equal(diff_blocks(s, 1), held);
	d.broken_from = 0;
	assert_int_equal(mark(s, held, 1), 0);
	assert_int_equal(store_begin_era(s, 2, NULL), 0);
	assert_int_equal(diff_blocks(s, 1), held + 1);
	assert_int_equal(diff_blocks(s, 2), 0);
	assert_int_equal(store_close(s, true, NULL), 0);
	assert_int_equal(check(&d, NULL), 0);
	disk_destroy(&d);
}

/* In each round the metadata is larger by a page, and the journal can use this page. */
static void test_least_size(void **state)
{
	struct store_geometry g = geometry;
	const uint64_t least = ERAD_JOURNAL_START + ERAD_JOURNAL_MIN +
		(NR_BLOCKS + ERAD_ERAS_PER_PAGE - 1) / ERAD_ERAS_PER_PAGE;
	unsigned int k, i;

	(void)state;
	g.journal_pages = 0;
	g.chunk_pages = 0;
	for (k = 0; k <= 21; k++) {
		struct store_info info;
		struct err err = { "" };
		struct engine *e;
		struct store *s;
		char bytes[32];
		struct disk d;
		int ret;

		disk_init(&d, (least + k - 1) * ERAD_PAGE);
		e = disk_engine(&d);
		ret = store_format(e, &g, NULL, NULL, &err);
		engine_destroy(e);
		if (k == 0) {
			snprintf(bytes, sizeof(bytes), "at least %" PRIu64 " KiB", least * ERAD_PAGE / 1024);
			assert_int_equal(ret, -ENOSPC);
			assert_non_null(strstr(err.msg, bytes));
			assert_int_equal(d.ops, 0);
			disk_destroy(&d);
			continue;
		}
		assert_int_equal(ret, 0);
		s = open_store(&d, STORE_WRITE);
		store_info(s, &info);
		assert_int_equal(info.journal_pages, ERAD_JOURNAL_MIN + k - 1);
		assert_int_equal(info.size_pages, least + k - 1);
		assert_int_equal(store_begin_era(s, 1, NULL), 0);
		for (i = 0; i < 5 * info.journal_pages; i++) {
			assert_int_equal(mark(s, i, 1), 0);
			if (i % 7)
				continue;
			store_close(s, false, NULL);
			s = open_store(&d, STORE_WRITE);
		}
		assert_int_equal(diff_blocks(s, 1), i);
		assert_int_equal(store_close(s, true, NULL), 0);
		assert_int_equal(check(&d, NULL), 0);
		s = open_store(&d, STORE_READ);
		assert_int_equal(diff_blocks(s, 1), i);
		store_close(s, false, NULL);
		disk_destroy(&d);
	}
}

/* The disk says that it has durable writes, and refuses each of them. */
static void test_disk_that_refuses_durable_writes(void **state)
{
	struct engine *e;
	struct store *s;
	struct disk d;

	(void)state;
	disk_init(&d, store_size(&geometry, NULL));
	d.fua = d.refuses_fua = true;
	e = disk_engine(&d);
	assert_int_equal(store_format(e, &geometry, NULL, NULL, NULL), 0);
	engine_destroy(e);
	for (uint64_t i = 0; i < 4; i++) {
		s = open_store(&d, STORE_WRITE);
		if (!i)
			assert_int_equal(store_begin_era(s, 1, NULL), 0);
		assert_int_equal(diff_blocks(s, 1), i);
		assert_int_equal(mark(s, i, 1), 0);
		/* The process is killed, so the journal is not empty when the metadata is opened again. */
		store_close(s, false, NULL);
	}
	disk_destroy(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_full_ring),
		cmocka_unit_test(test_least_size),
		cmocka_unit_test(test_disk_that_refuses_durable_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
