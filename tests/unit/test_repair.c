// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Repair, and metadata that is built from eras: the results are exact, and an interruption at any
 * point does no harm.
 */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/build.h"
#include "store/history.h"
#include "store/repair.h"
#include "volume.h"

static const uint8_t new_uuid[16] = { 9 };

static int note_eras(void *ctx, uint64_t first, uint64_t len, uint32_t era)
{
	uint32_t *eras = ctx;

	while (len--)
		eras[first++] = era;
	return 0;
}

static void list_eras(struct disk *d, uint32_t eras[NR_BLOCKS])
{
	struct store *s = open_store(d, STORE_READ);

	memset(eras, 0, NR_BLOCKS * sizeof(*eras));
	assert_int_equal(store_eras(s, STORE_NOW, note_eras, eras, NULL, NULL), 0);
	store_close(s, false, NULL);
}

static int repair_metadata(struct disk *d, struct store_repaired *done)
{
	struct err err = { "" };
	unsigned int said = 0;
	struct store_info info;
	int ret;

	ret = store_repair(disk_engine(d), new_uuid, complain, &said, done, &info, &err);
	assert_true(!ret == !err.msg[0]);
	if (!ret)
		assert_int_equal(said, done->repairs);
	return ret;
}

/* Makes metadata with eras 1 and 2 in the array, and 3 and 4 in the journal. */
static void make_volume(struct disk *d)
{
	struct store *s;

	format(d);
	s = open_store(d, STORE_WRITE);
	assert_int_equal(store_begin_era(s, 1, NULL), 0);
	assert_int_equal(mark(s, 0, 1200), 0);
	assert_int_equal(store_begin_snapshot(s, 2, true, NULL), 0);
	assert_int_equal(mark(s, 5, 200), 0);
	assert_int_equal(store_fold(s, NULL), 0);
	assert_int_equal(store_begin_era(s, 3, NULL), 0);
	assert_int_equal(mark(s, 100, 10), 0);
	assert_int_equal(store_begin_era(s, 4, NULL), 0);
	assert_int_equal(mark(s, 1400, 7), 0);
	store_close(s, false, NULL);
}

static uint32_t era_of(unsigned int b)
{
	if (b >= 1400 && b < 1407)
		return 4;
	if (b >= 100 && b < 110)
		return 3;
	if (b >= 5 && b < 205)
		return 2;
	return b < 1200;
}

static void test_eras(void **state)
{
	uint32_t eras[NR_BLOCKS];
	struct store *s;
	uint64_t damaged;
	unsigned int b;
	struct disk d;

	(void)state;
	make_volume(&d);
	list_eras(&d, eras);
	for (b = 0; b < NR_BLOCKS; b++)
		assert_int_equal(eras[b], era_of(b));
	s = open_store(&d, STORE_READ);
	memset(eras, 0, sizeof(eras));
	assert_int_equal(store_eras(s, STORE_SNAPSHOT, note_eras, eras, NULL, NULL), 0);
	for (b = 0; b < NR_BLOCKS; b++)
		assert_int_equal(eras[b], b < 1200);
	store_close(s, false, NULL);

	d.visible[ARRAY_SECTOR(9) + 50] ^= 8;
	s = open_store(&d, STORE_READ);
	assert_int_equal(store_eras(s, STORE_NOW, note_eras, eras, NULL, NULL), -EUCLEAN);
	assert_int_equal(store_eras(s, STORE_NOW, note_eras, eras, &damaged, NULL), 0);
	assert_int_equal(damaged, 124);
	for (b = 0; b < NR_BLOCKS; b++)
		assert_int_equal(eras[b], b / 124 == 9 ? 4 : era_of(b));
	store_close(s, false, NULL);
	disk_destroy(&d);
}

/* If a block is given several times, in whatever order, its newest era counts. */
static void test_build(void **state)
{
	static const struct {
		uint64_t first, len;
		uint32_t era;
	} put[] = { { 1490, 10, 3 }, { 0, 1500, 1 }, { 5, 2, 7 }, { 1495, 1, 2 }, { 6, 1, 0 } };
	struct store_notes notes = { }, got;
	uint32_t eras[NR_BLOCKS];
	struct engine *e;
	struct build *build;
	unsigned int i, b;
	struct store *s;
	struct disk d;

	(void)state;
	make_volume(&d);
	e = disk_engine(&d);
	assert_int_equal(build_begin(e, &geometry, 7, &build, NULL), 0);
	for (i = 0; i < sizeof(put) / sizeof(put[0]); i++)
		assert_int_equal(build_put(build, put[i].first, put[i].len, put[i].era, NULL), 0);
	assert_int_equal(build_put(build, NR_BLOCKS, 1, 1, NULL), -EINVAL);
	assert_int_equal(build_put(build, 1, UINT64_MAX, 1, NULL), -EINVAL);
	assert_int_equal(build_put(build, 1, 1, 8, NULL), -EINVAL);
	assert_int_equal(build_notes(build, &(struct store_notes){ .sealed = true }), 0);
	notes.item[STORE_PAST][0] = 1;
	notes.item[STORE_IDENTITY][ERAD_HISTORY_ITEM - 1] = 2;
	assert_int_equal(build_notes(build, &notes), 0);
	assert_int_equal(try_open(&d, STORE_READ, &s), -ENODATA);
	assert_int_equal(build_end(build, NULL), 0);
	engine_destroy(e);
	assert_int_equal(check(&d, NULL), 0);
	assert_int_equal(try_open(&d, STORE_READ, &s), 0);
	store_notes(s, &got);
	assert_memory_equal(&got, &notes, sizeof(notes));
	store_close(s, false, NULL);
	list_eras(&d, eras);
	for (b = 0; b < NR_BLOCKS; b++)
		assert_int_equal(eras[b], b == 5 || b == 6 ? 7 : b >= 1490 ? 3 : 1);
	disk_destroy(&d);
}

/*
 * Each unreadable page of the array is a fault, and its blocks are marked, with and without a
 * snapshot.
 */
static void test_unreadable(void **state)
{
	const uint64_t page = ERAD_ERAS_PER_PAGE;
	struct store_repaired done;
	uint32_t eras[NR_BLOCKS];
	unsigned int b, journal;
	struct store *s;
	struct disk d;

	(void)state;
	for (journal = 0; journal < 2; journal++) {
		make_volume(&d);
		d.bad_from = ARRAY_SECTOR(0) + ERAD_SECTOR;
		d.bad_to = d.bad_from + 1;
		assert_int_equal(check(&d, NULL), 1);
		if (journal)
			d.visible[(ERAD_JOURNAL_START + 5) * ERAD_PAGE + 77] ^= 1;
		assert_int_equal(repair_metadata(&d, &done), 0);
		assert_int_equal(check(&d, NULL), 0);
		list_eras(&d, eras);
		for (b = 0; b < NR_BLOCKS; b++)
			assert_int_equal(eras[b], journal || b < page ? 4 : era_of(b));
		if (!journal) {
			assert_int_equal(done.repairs, 1);
			assert_int_equal(done.over_marked, page);
			s = open_store(&d, STORE_READ);
			assert_int_equal(store_eras(s, STORE_SNAPSHOT, note_eras, eras, NULL, NULL), 0);
			store_close(s, false, NULL);
			for (b = 0; b < 1200; b++)
				assert_int_equal(eras[b], 1);
		}
		disk_destroy(&d);
	}
}

/* If a page can be neither read nor written, the page stays as it is, and repair reports this. */
static void test_unreadable_for_good(void **state)
{
	struct store_repaired done;
	struct disk d;

	(void)state;
	make_volume(&d);
	d.bad_from = ARRAY_SECTOR(0);
	d.bad_to = d.bad_from + ERAD_PAGE;
	d.broken_from = d.bad_from;
	assert_int_equal(repair_metadata(&d, &done), -EIO);
	assert_int_equal(done.repairs, 0);
	disk_destroy(&d);
}

/*
 * Each unreadable page of the journal is a fault.  All blocks are marked, in an era that is at
 * least as new as any era that can have begun in this page.
 */
static void test_unreadable_journal(void **state)
{
	struct store_repaired done;
	uint32_t eras[NR_BLOCKS];
	struct store_info info;
	unsigned int page, b;
	struct store *s;
	struct disk d;

	(void)state;
	for (page = 0; page < ERAD_JOURNAL_MIN; page++) {
		make_volume(&d);
		/*
		 * Begin an era, so that the newest era is only in the journal.  Then make one page
		 * of the journal unreadable.
		 */
		s = open_store(&d, STORE_WRITE);
		assert_int_equal(store_begin_era(s, 5, NULL), 0);
		store_close(s, false, NULL);
		d.bad_from = (ERAD_JOURNAL_START + page) * ERAD_PAGE + ERAD_SECTOR;
		d.bad_to = d.bad_from + 1;
		assert_int_equal(try_open(&d, STORE_READ, &s), -EIO);
		assert_int_equal(check(&d, NULL), 1);
		assert_int_equal(repair_metadata(&d, &done), 0);
		assert_int_equal(done.repairs, 1);
		assert_int_equal(check(&d, &info), 0);
		assert_in_range(info.era, 5, 6);
		list_eras(&d, eras);
		for (b = 0; b < NR_BLOCKS; b++)
			assert_int_equal(eras[b], info.era);

		/* The next open must not replay a page of the old journal. */
		s = open_store(&d, STORE_WRITE);
		assert_int_equal(store_begin_era(s, info.era + 1, NULL), 0);
		assert_int_equal(mark(s, 7, 1), 0);
		store_close(s, false, NULL);
		list_eras(&d, eras);
		for (b = 0; b < NR_BLOCKS; b++)
			assert_int_equal(eras[b], info.era + (b == 7));
		disk_destroy(&d);
	}
}

/*
 * No page of the journal can be read.  So the newest eras are not known, and they may be newer than
 * the era in the superblock.  The newer superblock may be lost, too.
 */
static void test_unreadable_ring(void **state)
{
	struct store_repaired done;
	uint32_t eras[NR_BLOCKS];
	struct store_info info;
	unsigned int torn, b;
	struct store *s;
	struct disk d;

	(void)state;
	for (torn = 0; torn < 3; torn++) {
		make_volume(&d);
		s = open_store(&d, STORE_WRITE);
		assert_int_equal(store_begin_era(s, 1000, NULL), 0);
		assert_int_equal(store_fold(s, NULL), 0);
		/* The eras are in the journal, and some of them are also in one superblock. */
		for (b = 1001; b <= 1024; b++) {
			assert_int_equal(store_begin_era(s, b, NULL), 0);
			if (b == 1012)
				assert_int_equal(store_fold(s, NULL), 0);
		}
		assert_int_equal(mark(s, 7, 1), 0);
		store_close(s, false, NULL);
		d.bad_from = ERAD_JOURNAL_START * ERAD_PAGE;
		d.bad_to = d.bad_from + ERAD_JOURNAL_MIN * ERAD_PAGE;
		if (torn)
			d.visible[(torn - 1) * ERAD_PAGE + 3] ^= 1;
		memcpy(d.durable, d.visible, d.size);
		assert_int_equal(repair_metadata(&d, &done), 0);
		assert_int_equal(check(&d, &info), 0);
		assert_in_range(info.era, 1024, 1024 + 2 * ERAD_JOURNAL_MIN);
		list_eras(&d, eras);
		for (b = 0; b < NR_BLOCKS; b++)
			assert_int_equal(eras[b], info.era);
		disk_destroy(&d);
	}
}

/*
 * If a superblock cannot be read, repair uses the other superblock.  If the other superblock is
 * damaged, repair uses its readable fields.
 */
static void test_unreadable_super(void **state)
{
	struct store_repaired done;
	unsigned int copy, torn;
	uint32_t eras[NR_BLOCKS];
	struct disk d;
	unsigned int b;

	(void)state;
	for (copy = 0; copy < 2; copy++) {
		for (torn = 0; torn < 3; torn++) {
			make_volume(&d);
			d.bad_from = copy * ERAD_PAGE;
			d.bad_to = d.bad_from + 1;
			if (torn)
				d.visible[!copy * ERAD_PAGE + (torn == 1 ? 3 : 9)] ^= 1;
			if (torn == 2) {
				/* The magic number is damaged, too. */
				assert_int_equal(repair_metadata(&d, &done), -EUCLEAN);
				assert_int_equal(done.repairs, 0);
				disk_destroy(&d);
				continue;
			}
			assert_int_equal(repair_metadata(&d, &done), 0);
			assert_int_equal(done.repairs, 1);
			assert_int_equal(done.new_uuid, torn);
			assert_int_equal(check(&d, NULL), 0);
			list_eras(&d, eras);
			for (b = 0; b < NR_BLOCKS; b++)
				assert_int_equal(eras[b], torn ? 4 : era_of(b));
			disk_destroy(&d);
		}
	}
}

enum damage {
	D_SUPER = 1,		/* damage the older superblock */
	D_JOURNAL = 2,
	D_ARRAY = 4,
	D_BOTH = 8,		/* damage both superblocks */
	D_UNREADABLE = 16,	/* the last page of the journal cannot be read, until the crash */
};

static void damage_metadata(struct disk *d, unsigned int what)
{
	const uint64_t *seq = (uint64_t *)(d->visible + 56);
	const unsigned int older = le64toh(seq[0]) > le64toh(seq[ERAD_PAGE / 8]);

	if (what & D_SUPER)
		memset(d->visible + older * ERAD_PAGE, 0xa5, ERAD_SECTOR);
	if (what & D_JOURNAL)
		d->visible[(ERAD_JOURNAL_START + 5) * ERAD_PAGE + 77] ^= 1;
	if (what & D_ARRAY) {
		d->visible[ARRAY_SECTOR(1) + 500] ^= 1;
		memset(d->visible + ARRAY_SECTOR(10), 0x5a, 2 * ERAD_SECTOR);
	}
	if (what & D_BOTH) {
		d->visible[3] ^= 1;
		d->visible[ERAD_PAGE + 3] ^= 1;
	}
	if (what & D_UNREADABLE) {
		d->bad_from = (ERAD_JOURNAL_START + 7) * ERAD_PAGE;
		d->bad_to = d->bad_from + 1;
	}
	memcpy(d->durable, d->visible, d->size);
}

static void assert_no_older(struct disk *d, uint32_t newest)
{
	uint32_t eras[NR_BLOCKS];
	unsigned int b;

	assert_int_equal(check(d, NULL), 0);
	list_eras(d, eras);
	for (b = 0; b < NR_BLOCKS; b++)
		assert_in_range(eras[b], era_of(b), newest);
}

/*
 * A lost page of the journal may have contained records of writes to the places of the witness. So
 * the witness must not be compared any more.
 */
static void test_lost_journal_drops_the_witness(void **state)
{
	static const unsigned int damages[] = { D_ARRAY, D_JOURNAL, D_JOURNAL | D_ARRAY | D_SUPER, D_UNREADABLE };
	static const uint8_t none[ERAD_HISTORY_ITEM];
	uint8_t witness[ERAD_HISTORY_ITEM], got[ERAD_HISTORY_ITEM];
	struct store_repaired done;
	struct store *s;
	struct disk d;

	(void)state;
	memset(witness, 0xee, sizeof(witness));
	for (unsigned int i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		make_volume(&d);
		s = open_store(&d, STORE_WRITE);
		assert_int_equal(store_set_item(s, STORE_WITNESS, witness, NULL), 0);
		store_close(s, false, NULL);
		damage_metadata(&d, damages[i]);
		assert_int_equal(repair_metadata(&d, &done), 0);
		s = open_store(&d, STORE_READ);
		store_item(s, STORE_WITNESS, got);
		assert_memory_equal(got, damages[i] == D_ARRAY ? witness : none, sizeof(got));
		store_close(s, false, NULL);
		disk_destroy(&d);
	}
}

struct after_crash {
	bool may_be_gone;	/* if power failed while the metadata was made, it may be missing */
	uint32_t newest;
	uint64_t states;
};

static int repair_again(void *ctx, uint8_t *image)
{
	struct after_crash *a = ctx;
	struct store_repaired done;
	struct disk d;
	int ret;

	disk_init_copy(&d, image, ARRAY_SECTOR(8 * 2));
	ret = repair_metadata(&d, &done);
	if (ret && a->may_be_gone)
		assert_true(ret == -ENODATA || ret == -EINVAL || ret == -EUCLEAN);
	else
		assert_int_equal(ret, 0);
	if (!ret)
		assert_no_older(&d, a->newest);
	a->states++;
	disk_destroy(&d);
	return 0;
}

/*
 * Each I/O of a repair fails, or is the last one before a power failure.  After that, the repair
 * runs again.
 */
static void test_interrupted(void **state)
{
	static const unsigned int damages[] = {
		D_SUPER, D_JOURNAL, D_ARRAY, D_SUPER | D_JOURNAL, D_SUPER | D_JOURNAL | D_ARRAY,
		D_SUPER | D_ARRAY, D_BOTH, D_BOTH | D_ARRAY, D_UNREADABLE,
		D_UNREADABLE | D_ARRAY | D_SUPER, D_UNREADABLE | D_BOTH,
	};
	struct after_crash a = { };
	struct store_repaired done;
	struct disk d;
	unsigned int i;
	uint64_t n;
	int ret;

	(void)state;
	for (i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		a.may_be_gone = damages[i] & D_BOTH;
		a.newest = damages[i] & D_UNREADABLE ? 5 : 4;
		for (n = 0, ret = -EIO; ret; n++) {
			make_volume(&d);
			damage_metadata(&d, damages[i]);
			d.nr_cached = 0;
			d.fail_from = d.ops + n;
			d.fail_to = d.fail_from + 100000;
			ret = repair_metadata(&d, &done);
			d.fail_to = 0;
			if (!ret) {
				assert_int_not_equal(done.repairs, 0);
				assert_int_equal(done.new_uuid, a.may_be_gone);
				assert_no_older(&d, a.newest);
			}
			assert_int_equal(disk_crash(&d, 16, n, repair_again, &a), 0);
			disk_destroy(&d);
		}
		assert_true(n > 5);
	}
	assert_true(a.states > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_eras),
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_unreadable_for_good),
		cmocka_unit_test(test_unreadable_journal),
		cmocka_unit_test(test_unreadable_ring),
		cmocka_unit_test(test_unreadable_super),
		cmocka_unit_test(test_lost_journal_drops_the_witness),
		cmocka_unit_test(test_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
