// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The store: its contract, failures of each I/O in turn, and the state that the next process finds.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/size.h"
#include "model.h"
#include "store/crc32c.h"
#include "volume.h"

static int stop_diff(void *ctx, uint64_t first, uint64_t len)
{
	(void)ctx;
	(void)first;
	(void)len;
	return 42;
}

static void test_contract(void **state)
{
	struct erad_range many[ERAD_MAX_RANGES + 1];
	struct store_info info;
	struct store *s;
	struct disk d;
	uint64_t n;

	(void)state;
	format(&d);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(diff_blocks(s, 0), NR_BLOCKS);
	assert_int_equal(store_diff(s, 1, add_len, &n, NULL), -EINVAL);
	assert_int_equal(mark(s, 0, 1), -EINVAL);
	assert_int_equal(store_begin_era(s, UINT32_MAX, NULL), -EOVERFLOW);
	assert_int_equal(store_begin_era(s, 3, NULL), 0);
	assert_int_equal(store_begin_era(s, 3, NULL), -EINVAL);
	assert_int_equal(mark(s, 0, 0), -EINVAL);
	assert_int_equal(mark(s, NR_BLOCKS, 1), -EINVAL);
	assert_int_equal(mark(s, NR_BLOCKS - 1, 2), -EINVAL);
	assert_int_equal(mark(s, UINT64_MAX, 2), -EINVAL);
	assert_int_equal(store_mark(s, many, ERAD_MAX_RANGES + 1, NULL), -EINVAL);
	assert_int_equal(store_mark(s, many, 0, NULL), 0);
	assert_int_equal(diff_blocks(s, 1), 0);
	assert_int_equal(mark(s, NR_BLOCKS - 1, 1), 0);
	assert_int_equal(mark(s, 0, 2), 0);
	assert_int_equal(diff_blocks(s, 3), 3);
	assert_int_equal(store_diff(s, 3, stop_diff, NULL, NULL), 42);
	assert_int_equal(store_diff(s, 4, add_len, &n, NULL), -EINVAL);
	store_info(s, &info);
	assert_true(info.clean);
	assert_int_equal(info.era, 3);
	assert_int_equal(info.nr_blocks, NR_BLOCKS);
	assert_int_equal(info.nr_sectors, geometry.nr_sectors);
	assert_int_equal(info.journal_used, 3);
	assert_int_equal(info.commits, 3);
	assert_int_equal(info.size_pages, ARRAY_START + 4);
	assert_int_equal(info.used_pages, ERAD_JOURNAL_START + 3 + 2);
	assert_false(store_wants_fold(s));
	while (!store_wants_fold(s))
		assert_int_equal(mark(s, 7, 1), 0);
	assert_int_equal(store_fold(s, NULL), 0);
	assert_false(store_wants_fold(s));
	assert_int_equal(diff_blocks(s, 3), 4);
	assert_int_equal(store_close(s, false, NULL), 0);

	s = open_store(&d, STORE_READ);
	store_info(s, &info);
	assert_false(info.clean);
	assert_int_equal(mark(s, 0, 1), -EROFS);
	assert_int_equal(store_begin_era(s, 4, NULL), -EROFS);
	assert_int_equal(store_fold(s, NULL), -EROFS);
	n = d.nr_cached;
	assert_int_equal(diff_blocks(s, 3), 4);
	assert_int_equal(store_close(s, true, NULL), 0);
	assert_int_equal(d.nr_cached, n);

	assert_int_equal(store_close(open_store(&d, STORE_WRITE), true, NULL), 0);
	assert_int_equal(check(&d, &info), 0);
	assert_true(info.clean);
	disk_destroy(&d);
}

/* Metadata that was not closed cleanly can be opened for reading, which writes nothing. */
static void test_read_unclean(void **state)
{
	struct store *s;
	struct disk d;

	(void)state;
	format(&d);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_begin_era(s, 1, NULL), 0);
	assert_int_equal(mark(s, 10, 5), 0);
	assert_int_equal(store_close(s, false, NULL), 0);
	assert_int_equal(d.nr_cached, 0);
	s = open_store(&d, STORE_READ);
	assert_int_equal(diff_blocks(s, 1), 5);
	store_close(s, true, NULL);
	assert_int_equal(d.nr_cached, 0);
	disk_destroy(&d);
}

static void test_sizes(void **state)
{
	struct store_geometry g = { .nr_sectors = 1ULL << 31, .block_sectors = 128 };
	uint64_t written;
	struct engine *e;
	struct err err;
	struct disk d;

	(void)state;
	assert_int_equal(store_size(&g, &written), (ERAD_JOURNAL_START + 1024 + 16913 + 67 * 256) * 4096ULL);
	assert_int_equal(written, (ERAD_JOURNAL_START + 1024) * 4096ULL);
	g.nr_sectors++;
	assert_int_equal(store_size(&g, NULL), (ERAD_JOURNAL_START + 4096 + 16913 + 67 * 256) * 4096ULL);
	g.nr_sectors = 1ULL << 55;
	g.block_sectors = 8;
	assert_true(store_size(&g, NULL) > 1ULL << 52);
	g.block_sectors = 0;
	assert_int_equal(store_size(&g, NULL), 0);

	/*
	 * The ring is as large as possible.  If the disk is too small, the error contains the
	 * needed size.
	 */
	disk_init(&d, (ERAD_JOURNAL_START + 20 + 2) * 4096);
	e = disk_engine(&d);
	g = geometry;
	g.journal_pages = 0;
	assert_int_equal(store_format(e, &g, NULL, NULL, NULL), 0);
	assert_int_equal(le64toh(((struct erad_disk_super *)d.visible)->journal_pages), 20);
	e->size = (ERAD_JOURNAL_START + 15 + 2) * 4096;
	assert_int_equal(store_format(e, &g, NULL, NULL, &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "disk has 144 KiB, the metadata needs at least 148 KiB"));
	g.journal_pages = 15;
	assert_int_equal(store_format(e, &g, NULL, NULL, &err), -EINVAL);
	g.block_sectors = 7;
	assert_int_equal(store_format(e, &g, NULL, NULL, &err), -EINVAL);
	engine_destroy(e);
	disk_destroy(&d);
}

static void test_metadata_of_the_size_that_is_told_has_room_for_snapshots(void **state)
{
	struct store_geometry g = geometry;
	char said[256], size[SIZE_EXACT];
	struct engine *e;
	struct store *s;
	struct err err;
	uint64_t room;
	struct disk d;

	(void)state;
	g.journal_pages = 0;
	g.chunk_pages = 0;
	room = store_size(&g, NULL);
	/* Try one page less than the size in the error, and then this size. */
	for (int page = 1; page >= 0; page--) {
		disk_init(&d, room - page * ERAD_PAGE);
		e = disk_engine(&d);
		assert_int_equal(store_format(e, &g, NULL, NULL, NULL), 0);
		engine_destroy(e);
		s = open_store(&d, STORE_WRITE);
		assert_int_equal(store_begin_era(s, 1, NULL), 0);
		assert_int_equal(store_begin_snapshot(s, 2, true, &err), page ? -ENOSPC : 0);
		snprintf(said, sizeof(said), "disk has no room for snapshots; metadata with room needs %s: ",
			 size_exact(size, room));
		if (page)
			assert_non_null(strstr(err.msg, said));
		store_close(s, false, NULL);
		disk_destroy(&d);
	}
}

static void test_ro_compat(void **state)
{
	struct erad_disk_super *sb;
	struct store *s;
	struct disk d;

	(void)state;
	format(&d);
	sb = (struct erad_disk_super *)d.visible;	/* the superblock with seq 2 */
	sb->ro_compat = htole64(1);
	sb->csum = htole32(crc32c(0, (char *)sb + 4, 508));
	assert_int_equal(try_open(&d, STORE_WRITE, &s), -EOPNOTSUPP);
	store_close(open_store(&d, STORE_READ), false, NULL);
	disk_destroy(&d);
}

/*
 * Runs a history with every kind of step: eras, marks until the ring is full, folds, a reopen.
 * Each call except a close is made until it works, at most three times in all.
 */
struct script {
	struct disk d;
	struct model m;
	struct store *s;
	bool failed;		/* whether a call has failed */
};

static bool try_again(struct script *sc, int ret, unsigned int *tries)
{
	if (!ret)
		return false;
	assert_int_equal(ret, -EIO);
	sc->failed = true;
	return ++*tries < 3;
}

static void script_era(struct script *sc, uint32_t era)
{
	unsigned int tries = 0;
	int ret;

	do {
		model_try_era(&sc->m, era);
		ret = store_begin_era(sc->s, era, NULL);
	} while (try_again(sc, ret, &tries));
	if (!ret)
		model_ack_era(&sc->m, era);
}

static void script_mark(struct script *sc, uint64_t first, uint32_t len)
{
	const struct erad_range r[2] = {
		{ .first = first, .len = len }, { .first = first / 2, .len = 1 },
	};
	struct store_info info;
	unsigned int tries = 0;
	int ret;

	store_info(sc->s, &info);
	if (!info.era)
		return;
	do {
		model_try_mark(&sc->m, r, 2, info.era);
		ret = store_mark(sc->s, r, 2, NULL);
	} while (try_again(sc, ret, &tries));
	if (!ret)
		model_ack_mark(&sc->m, r, 2, info.era);
}

static bool script_open(struct script *sc)
{
	unsigned int tries = 0;
	int ret;

	do {
		ret = store_open(disk_engine(&sc->d), STORE_WRITE, &sc->s, NULL);
	} while (try_again(sc, ret, &tries));
	return !ret;
}

static void script_run(struct script *sc)
{
	unsigned int i, tries = 0;

	if (!script_open(sc))
		return;
	for (i = 0; i < 14; i++) {
		if (i % 5 == 0)
			script_era(sc, 1 + i);
		script_mark(sc, i * 100, 150);
	}
	while (try_again(sc, store_fold(sc->s, NULL), &tries))
		;
	script_mark(sc, 3, 1);
	if (store_close(sc->s, true, NULL))
		sc->failed = true;
	sc->s = NULL;
	if (!script_open(sc))
		return;
	script_mark(sc, 1400, 20);
	store_close(sc->s, false, NULL);
	sc->s = NULL;
}

/*
 * Each failed I/O is reported, except a few. When the disk works again, the metadata is right, and
 * contains all that was acknowledged.
 */
static void test_every_fault(void **state)
{
	unsigned int kind, unnoticed;
	uint64_t n;

	(void)state;
	for (kind = 0; kind < 16; kind++) {
		unnoticed = 0;
		for (n = 0; ; n++) {
			struct script sc = { 0 };
			struct err err = { "" };
			struct store *s;
			bool reached;

			format(&sc.d);
			model_init(&sc.m, NR_BLOCKS);
			sc.d.rnd = n;
			sc.d.fail_torn = kind & 1;
			sc.d.fail_lossy = kind & 2;
			sc.d.fail_from = sc.d.ops + n;
			sc.d.fail_to = kind & 4 ? UINT64_MAX : sc.d.fail_from + (kind & 8 ? 4 : 1);
			script_run(&sc);
			reached = sc.d.ops > sc.d.fail_from;
			sc.d.fail_to = 0;
			s = open_store(&sc.d, STORE_WRITE);
			if (model_check(&sc.m, s, NULL, &err))
				fail_msg("fault %u at %" PRIu64 ": %s", kind, n, err.msg);
			assert_int_equal(store_close(s, true, NULL), 0);
			assert_int_equal(check(&sc.d, NULL), 0);
			model_destroy(&sc.m);
			disk_destroy(&sc.d);
			assert_true(reached || !sc.failed);
			if (!reached)
				break;
			unnoticed += !sc.failed;
		}
		assert_in_range(n, 60, 1000);
		/*
		 * A few failures are not reported: an open succeeds if one superblock cannot be
		 * read, and there are two opens in the history.
		 */
		assert_in_range(unnoticed, 0, 4);
	}
}

struct look {
	const struct disk *d;
	struct model m;
	bool old_may_open, new_may_open;
	unsigned int opened, refused;
};

static int look_format(void *ctx, uint8_t *image)
{
	struct look *l = ctx;
	struct err err = { "" };
	struct store *s;
	struct disk d;
	int ret;

	disk_init_shared(&d, image, l->d->size);
	ret = store_open(disk_engine(&d), STORE_READ, &s, &err);
	if (!ret) {
		struct store_info info;

		l->opened++;
		store_info(s, &info);
		assert_true(info.era ? l->old_may_open : l->new_may_open);
		if (info.era && model_check(&l->m, s, NULL, &err))
			fail_msg("%s", err.msg);
		store_close(s, false, NULL);
	} else {
		l->refused++;
		assert_true(ret == -ENODATA || ret == -EUCLEAN || ret == -EINVAL);
	}
	disk_destroy(&d);
	return 0;
}

static void format_hook(struct disk *d, enum disk_op op, bool after, void *ctx)
{
	struct look *l = ctx;

	if (op != DISK_FLUSH)
		return;
	if (after) {
		l->old_may_open = false;
		return;
	}
	l->new_may_open = !l->old_may_open &&
			  (!memcmp(d->visible + 8, ERAD_SUPER_MAGIC, 8) ||
			   !memcmp(d->visible + ERAD_PAGE + 8, ERAD_SUPER_MAGIC, 8));
	disk_crash(d, 300, 1, look_format, l);
}

/* Power fails while metadata is formatted again, with the same UUID. */
static void test_format_crash(void **state)
{
	const struct erad_range all = { .len = NR_BLOCKS };
	struct look l = { .old_may_open = true };
	struct engine *e;
	struct store *s;
	struct disk d;

	(void)state;
	format(&d);
	model_init(&l.m, NR_BLOCKS);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_begin_era(s, 1, NULL), 0);
	assert_int_equal(mark(s, 0, NR_BLOCKS), 0);
	assert_int_equal(store_fold(s, NULL), 0);
	assert_int_equal(store_begin_era(s, 2, NULL), 0);
	assert_int_equal(mark(s, 0, NR_BLOCKS), 0);
	store_close(s, false, NULL);
	model_ack_era(&l.m, 2);
	model_ack_mark(&l.m, &all, 1, 2);
	l.d = &d;
	d.hook = format_hook;
	d.hook_ctx = &l;
	e = disk_engine(&d);
	assert_int_equal(store_format(e, &geometry, NULL, NULL, NULL), 0);
	engine_destroy(e);
	assert_true(l.opened && l.refused);
	d.hook = NULL;
	assert_int_equal(d.nr_cached, 0);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_begin_era(s, 1, NULL), 0);
	assert_int_equal(diff_blocks(s, 1), 0);
	store_close(s, false, NULL);
	model_destroy(&l.m);
	disk_destroy(&d);
}

static int look_opens(void *ctx, uint8_t *image)
{
	struct look *l = ctx;
	struct err err = { "" };
	struct store *s;
	struct disk d;

	disk_init_shared(&d, image, l->d->size);
	if (store_open(disk_engine(&d), STORE_READ, &s, &err))
		fail_msg("%s", err.msg);
	if (model_check(&l->m, s, NULL, &err))
		fail_msg("%s", err.msg);
	store_close(s, false, NULL);
	disk_destroy(&d);
	l->opened++;
	return 0;
}

static void take_over_hook(struct disk *d, enum disk_op op, bool after, void *ctx)
{
	if (op == DISK_FLUSH && !after)
		disk_crash(d, 4096, 1, look_opens, ctx);
}

/*
 * A process dies during the flush of a superblock.  This superblock can then be read, but is not
 * durable.  The other superblock has a tail whose page has been overwritten.  The next process must
 * not overwrite the only durable superblock.
 */
static void test_take_over(void **state)
{
	unsigned int lossy, i, round;

	(void)state;
	for (lossy = 0; lossy < 3; lossy++) {
		const struct erad_range r = { .first = 9, .len = 1 };
		struct look l = { 0 };
		struct store *s;
		struct disk d;

		format(&d);
		d.tear_below = 16;
		l.d = &d;
		model_init(&l.m, NR_BLOCKS);
		s = open_store(&d, STORE_WRITE);
		assert_int_equal(store_begin_era(s, 1, NULL), 0);
		model_ack_era(&l.m, 1);
		model_ack_mark(&l.m, &r, 1, 1);
		for (round = 0; round < 4; round++) {
			for (i = 0; i < 11; i++)
				assert_int_equal(mark(s, 9, 1), 0);
			if (round < 3)
				assert_int_equal(store_fold(s, NULL), 0);
		}
		/*
		 * The fold reads, writes and flushes the array, and writes and flushes the
		 * superblock. Let the last of these operations fail.
		 */
		d.fail_from = d.ops + 4;
		d.fail_to = d.fail_from + 1;
		d.fail_lossy = lossy;
		d.rnd = lossy;
		assert_int_equal(store_fold(s, NULL), -EIO);
		store_close(s, false, NULL);
		d.hook = take_over_hook;
		d.hook_ctx = &l;
		s = open_store(&d, STORE_WRITE);
		store_close(s, true, NULL);
		assert_true(l.opened > 4);
		model_destroy(&l.m);
		disk_destroy(&d);
	}
}

/* During a fold, after its first write, the flush of a commit fails, and the write of the fold is lost. */
static void lose_hook(struct disk *d, enum disk_op op, bool after, void *ctx)
{
	if (op != DISK_WRITE || !after)
		return;
	d->hook = NULL;
	d->fail_from = d->ops + 1;
	d->fail_to = d->fail_from + 1;
	d->fail_lossy = true;
	assert_int_equal(mark(ctx, 0, 1), -EIO);
}

/*
 * The kernel reports lost writes to one thread only, which may be another thread than the thread
 * that has made the writes.
 */
static void test_lost_writes(void **state)
{
	struct store *s;
	struct disk d;

	(void)state;
	format(&d);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_begin_era(s, 1, NULL), 0);
	assert_int_equal(mark(s, 0, NR_BLOCKS), 0);
	d.hook = lose_hook;
	d.hook_ctx = s;
	assert_int_equal(store_fold(s, NULL), -EIO);
	assert_null(d.hook);
	assert_int_equal(store_fold(s, NULL), 0);
	store_close(s, false, NULL);
	memcpy(d.visible, d.durable, d.size);
	s = open_store(&d, STORE_READ);
	assert_int_equal(diff_blocks(s, 1), NR_BLOCKS);
	store_close(s, false, NULL);
	disk_destroy(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contract),
		cmocka_unit_test(test_read_unclean),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_metadata_of_the_size_that_is_told_has_room_for_snapshots),
		cmocka_unit_test(test_ro_compat),
		cmocka_unit_test(test_every_fault),
		cmocka_unit_test(test_format_crash),
		cmocka_unit_test(test_take_over),
		cmocka_unit_test(test_lost_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
