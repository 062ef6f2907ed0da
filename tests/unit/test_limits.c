// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Counters and sizes at their limits, for all functions that write metadata: no overflow, and no
 * metadata that check refuses.
 */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/array.h"
#include "store/build.h"
#include "store/journal.h"
#include "store/repair.h"
#include "store/super.h"
#include "volume.h"

#define LAST_ERA	(UINT32_MAX - 1)

static _Alignas(ERAD_PAGE) struct erad_disk_journal page_buf[1];

/*
 * Writes both superblocks.  The newer one has the sequence number `seq`.  The journal is empty, and
 * its tail is `tail`.
 */
static void set_counters(struct disk *d, uint64_t seq, uint64_t tail, uint32_t era)
{
	struct engine *e = disk_engine(d);
	struct erad_disk_super sb;
	unsigned int i;

	assert_int_equal(super_read(e, &sb, NULL), 0);
	sb.journal_tail = htole64(tail);
	sb.era = htole32(era);
	for (i = 0; i < 2; i++) {
		sb.seq = htole64(seq - 1 + i);
		assert_int_equal(super_write(e, &sb, page_buf), 0);
	}
	engine_destroy(e);
	memcpy(d->durable, d->visible, d->size);
	d->nr_cached = 0;
}

/*
 * Makes clean metadata in era 3, whose array contains blocks of eras 1 to 3.  seq and tail: as in
 * set_counters().
 */
static void write_supers(struct disk *d, uint64_t seq, uint64_t tail)
{
	struct store *s;
	unsigned int i;

	format(d);
	s = open_store(d, STORE_WRITE);
	for (i = 1; i <= 3; i++) {
		assert_int_equal(store_begin_era(s, i, NULL), 0);
		assert_int_equal(mark(s, i * 300, 40), 0);
	}
	assert_int_equal(store_close(s, true, NULL), 0);
	set_counters(d, seq, tail, 3);
}

/* Writes a journal page of the volume, with one run, and with this sequence number and era. */
static void put_page(struct disk *d, uint64_t seq, uint32_t era)
{
	struct journal j = {
		.e = disk_engine(d), .start = ERAD_JOURNAL_START, .pages = RING, .nr_blocks = NR_BLOCKS,
	};

	memcpy(j.uuid, geometry.uuid, sizeof(j.uuid));
	journal_encode(page_buf, &(struct run){ 7, 2 }, 1);
	journal_number(&j, page_buf, 1, seq, era, ERAD_J_MARK);
	assert_int_equal(journal_write(&j, page_buf, 1, seq, false), 0);
	engine_destroy(j.e);
	memcpy(d->durable, d->visible, d->size);
	d->nr_cached = 0;
}

static uint8_t *copy_of(const struct disk *d)
{
	uint8_t *copy = malloc(d->size);

	memcpy(copy, d->visible, d->size);
	return copy;
}

static void assert_unchanged(const struct disk *d, uint8_t *before)
{
	assert_memory_equal(d->visible, before, d->size);
	free(before);
}

static void assert_refused(struct disk *d)
{
	uint8_t *before = copy_of(d);
	struct store *s;

	assert_int_equal(try_open(d, STORE_WRITE, &s), -EOVERFLOW);
	assert_unchanged(d, before);
	assert_int_equal(check(d, NULL), 0);
	s = open_store(d, STORE_READ);
	assert_int_equal(diff_blocks(s, 0), NR_BLOCKS);
	store_close(s, false, NULL);
}

static int repair_metadata(struct disk *d)
{
	static const uint8_t uuid[16] = { 9 };
	struct store_repaired done;
	struct err err = { "" };
	struct store_info info;
	unsigned int said = 0;
	int ret;

	ret = store_repair(disk_engine(d), uuid, complain, &said, &done, &info, &err);
	assert_true(!ret == !err.msg[0]);
	return ret;
}

/* Writes more pages than the journal has, with every function that writes. */
static void write_all(struct disk *d)
{
	struct store *s = open_store(d, STORE_WRITE);
	unsigned int i;

	assert_int_equal(store_begin_era(s, 4, NULL), 0);
	for (i = 0; i < 2 * RING; i++)
		assert_int_equal(mark(s, i * 4, 2), 0);
	assert_int_equal(store_begin_snapshot(s, 5, true, NULL), 0);
	assert_int_equal(store_fold(s, NULL), 0);
	assert_int_equal(mark(s, 1200, 5), 0);
	assert_int_equal(store_resize(s, 700 * 8, NULL), 0);
	assert_int_equal(store_resize(s, geometry.nr_sectors, NULL), 0);
	assert_int_equal(store_drop_snapshot(s, NULL), 0);
	assert_int_equal(store_begin_era(s, 6, NULL), 0);
	assert_int_equal(store_close(s, true, NULL), 0);
}

static void test_writers_at_last_number(void **state)
{
	unsigned int what;
	struct disk d;

	(void)state;
	for (what = 1; what <= 3; what++) {
		write_supers(&d, what & 1 ? SUPER_LAST_SEQ : 20, what & 2 ? SUPER_LAST_SEQ : 30);
		assert_int_equal(check(&d, NULL), 0);
		write_all(&d);
		/* The sequence numbers are larger than the last valid one. */
		assert_refused(&d);
		disk_destroy(&d);
	}
}

static void test_open_beyond_last_number(void **state)
{
	static const uint64_t beyond[] = { SUPER_LAST_SEQ + 1, SUPER_MAX_SEQ - 1, SUPER_MAX_SEQ };
	struct disk d;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
		write_supers(&d, beyond[i], 30);
		assert_refused(&d);
		disk_destroy(&d);
		write_supers(&d, 20, beyond[i]);
		assert_refused(&d);
		disk_destroy(&d);
		/* Only the head of the journal is larger than the last valid number. */
		write_supers(&d, 20, beyond[i] - 1);
		put_page(&d, beyond[i] - 1, 3);
		assert_refused(&d);
		disk_destroy(&d);
	}
}

enum damage {
	D_ARRAY,
	D_JOURNAL,
	D_JOURNAL_UNREADABLE,
	D_SUPER,
	D_ERA,			/* the array contains a newer era than the superblock */
	NR_DAMAGES,
};

static void damage_metadata(struct disk *d, enum damage what, uint64_t seq, uint64_t tail)
{
	struct erad_disk_eras *e = (void *)(d->visible + ARRAY_SECTOR(2));

	switch (what) {
	case D_ARRAY:
		d->visible[ARRAY_SECTOR(3) + 50] ^= 1;
		break;
	/* the first page is damaged, and the next page says that the first page was durable */
	case D_JOURNAL:
		put_page(d, tail + 1, 3);
		break;
	case D_JOURNAL_UNREADABLE:
		put_page(d, tail, 3);
		d->bad_from = (ERAD_JOURNAL_START + tail % RING) * ERAD_PAGE;
		d->bad_to = d->bad_from + 1;
		break;
	case D_SUPER:		/* the older superblock is damaged */
		d->visible[(~seq & 1) * ERAD_PAGE + 9] ^= 1;
		break;
	default:
		e->era[5] = htole32(77);
		array_seal(e, e->tag, 2);
	}
	memcpy(d->durable, d->visible, d->size);
}

/* A repair either repairs the metadata, or leaves every byte unchanged. */
static void repair_at(uint64_t seq, uint64_t tail)
{
	unsigned int what, repaired = 0;
	uint8_t *before;
	struct store *s;
	struct disk d;
	int ret;

	for (what = 0; what < NR_DAMAGES; what++) {
		write_supers(&d, seq, tail);
		damage_metadata(&d, what, seq, tail);
		before = copy_of(&d);
		ret = repair_metadata(&d);
		if (ret) {
			assert_int_equal(ret, -EOVERFLOW);
			assert_unchanged(&d, before);
		} else {
			free(before);
			repaired++;
			assert_int_equal(check(&d, NULL), 0);
			s = open_store(&d, STORE_WRITE);
			store_close(s, false, NULL);
		}
		disk_destroy(&d);
	}
	/* If enough sequence numbers are left before the last one, everything can be repaired. */
	if (seq < SUPER_LAST_SEQ - 20 && tail < SUPER_LAST_SEQ - 20 - 2 * RING)
		assert_int_equal(repaired, NR_DAMAGES);
	else if (seq > SUPER_LAST_SEQ || tail > SUPER_LAST_SEQ)
		assert_int_equal(repaired, 0);
}

static void test_repair_at_limits(void **state)
{
	uint64_t n;

	(void)state;
	for (n = SUPER_LAST_SEQ - 2 * RING - 22; n < SUPER_LAST_SEQ + 2; n++) {
		repair_at(n, 30);
		repair_at(20, n);
	}
	for (n = SUPER_MAX_SEQ - 3; n <= SUPER_MAX_SEQ; n++) {
		repair_at(n, 30);
		repair_at(20, n);
		repair_at(n, n);
	}
}

/*
 * The journal contains a valid page with a sequence number or an era that is too large, which no
 * erad has written.  A repair must not continue from these numbers.
 */
static void test_repair_of_strange_pages(void **state)
{
	static const struct {
		uint64_t seq;
		uint32_t era;
		int want;
	} pages[] = {
		{ 40, UINT32_MAX, 0 },
		{ SUPER_LAST_SEQ + 1, 3, -EOVERFLOW },
		{ UINT64_MAX - RING, 3, -EOVERFLOW },
		{ UINT64_MAX - 1, UINT32_MAX, -EOVERFLOW },
		{ UINT64_MAX, 3, -EOVERFLOW },
	};
	unsigned int i, unreadable;
	uint8_t *before;
	struct disk d;

	(void)state;
	for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		for (unreadable = 0; unreadable < 2; unreadable++) {
			write_supers(&d, 20, 30);
			put_page(&d, pages[i].seq, pages[i].era);
			if (unreadable) {
				d.bad_from = (ERAD_JOURNAL_START + 3) * ERAD_PAGE;
				d.bad_to = d.bad_from + 1;
			}
			before = copy_of(&d);
			assert_int_equal(check(&d, NULL), 1);
			assert_int_equal(repair_metadata(&d), pages[i].want);
			if (pages[i].want) {
				assert_unchanged(&d, before);
			} else {
				free(before);
				assert_int_equal(check(&d, NULL), 0);
			}
			disk_destroy(&d);
		}
	}
}

/* If both superblocks are damaged, the repair starts the sequence numbers from the beginning. */
static void test_repair_of_both_supers(void **state)
{
	struct store *s;
	struct disk d;

	(void)state;
	write_supers(&d, SUPER_MAX_SEQ, SUPER_MAX_SEQ);
	put_page(&d, UINT64_MAX, 3);
	d.visible[2] ^= 1;
	d.visible[ERAD_PAGE + 2] ^= 1;
	assert_int_equal(repair_metadata(&d), 0);
	assert_int_equal(check(&d, NULL), 0);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_close(s, true, NULL), 0);
	disk_destroy(&d);
}

static void test_last_era(void **state)
{
	struct store_info info;
	struct store *s;
	struct disk d;

	(void)state;
	write_supers(&d, 20, 30);
	set_counters(&d, 20, 30, LAST_ERA - 2);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_begin_snapshot(s, LAST_ERA - 1, true, NULL), 0);
	assert_int_equal(store_fold(s, NULL), 0);
	assert_int_equal(store_drop_snapshot(s, NULL), 0);
	assert_int_equal(store_begin_snapshot(s, LAST_ERA, true, NULL), 0);
	assert_int_equal(mark(s, 5, 6), 0);
	assert_int_equal(store_fold(s, NULL), 0);
	assert_int_equal(store_begin_era(s, UINT32_MAX, NULL), -EOVERFLOW);
	assert_int_equal(store_drop_snapshot(s, NULL), 0);
	assert_int_equal(store_begin_snapshot(s, UINT32_MAX, true, NULL), -EOVERFLOW);
	assert_int_equal(mark(s, 1200, 3), 0);
	assert_int_equal(store_resize(s, 700 * 8, NULL), 0);
	assert_int_equal(store_resize(s, geometry.nr_sectors, NULL), 0);
	assert_int_equal(mark(s, 1300, 3), 0);
	assert_int_equal(diff_blocks(s, LAST_ERA), 6 + NR_BLOCKS - 700);
	assert_int_equal(store_close(s, true, NULL), 0);
	assert_int_equal(check(&d, &info), 0);
	assert_int_equal(info.era, LAST_ERA);
	disk_destroy(&d);
}

/* Blocks of an unknown era count as written in the last era. */
static void test_repair_in_last_era(void **state)
{
	struct store_info info;
	struct store *s;
	unsigned int i;
	struct disk d;

	(void)state;
	for (i = 0; i < NR_DAMAGES; i++) {
		write_supers(&d, 20, 30);
		set_counters(&d, 20, 30, LAST_ERA);
		damage_metadata(&d, i, 20, 30);
		if (i == D_ERA) {
			struct erad_disk_eras *e = (void *)(d.visible + ARRAY_SECTOR(2));

			e->era[5] = htole32(UINT32_MAX);
			array_seal(e, e->tag, 2);
		}
		assert_int_equal(repair_metadata(&d), 0);
		assert_int_equal(check(&d, &info), 0);
		assert_int_equal(info.era, LAST_ERA);
		s = open_store(&d, STORE_WRITE);
		assert_int_equal(mark(s, 5, 6), 0);
		assert_int_equal(store_close(s, true, NULL), 0);
		assert_int_equal(check(&d, NULL), 0);
		disk_destroy(&d);
	}
}

static void test_build_in_last_era(void **state)
{
	struct store_info info;
	struct engine *e;
	struct build *b;
	uint8_t *before;
	struct disk d;

	(void)state;
	write_supers(&d, 20, 30);
	before = copy_of(&d);
	e = disk_engine(&d);
	assert_int_equal(build_begin(e, &geometry, UINT32_MAX, &b, NULL), -EOVERFLOW);
	assert_unchanged(&d, before);
	assert_int_equal(build_begin(e, &geometry, LAST_ERA, &b, NULL), 0);
	assert_int_equal(build_put(b, 3, 4, UINT32_MAX, NULL), -EINVAL);
	assert_int_equal(build_put(b, 3, 4, LAST_ERA, NULL), 0);
	assert_int_equal(build_end(b, NULL), 0);
	engine_destroy(e);
	assert_int_equal(check(&d, &info), 0);
	assert_int_equal(info.era, LAST_ERA);
	disk_destroy(&d);
}

/* These sizes cause the largest sums and products. */
static void test_sizes(void **state)
{
	static const struct {
		uint64_t nr_sectors;
		uint32_t block_sectors;
		int want;
	} sizes[] = {
		{ SUPER_MAX_SECTORS, 8, -ENOSPC },
		{ SUPER_MAX_SECTORS, UINT32_MAX - 7, 0 },
		{ SUPER_MAX_SECTORS + 1, 8, -EINVAL },
		{ UINT64_MAX, 8, -EINVAL },
		{ UINT64_MAX, UINT32_MAX - 7, -EINVAL },
		{ 0, 8, -EINVAL },
		{ 1, UINT32_MAX, -EINVAL },
	};
	struct store_geometry g = geometry;
	struct store *s;
	struct disk d;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const uint64_t nr_sectors = sizes[i].nr_sectors;
		const int want = sizes[i].want;
		struct engine *e;
		struct build *b;
		uint8_t *before;

		/* Tests a new volume, and a volume that is restored. */
		disk_init(&d, 80ULL << 20);
		g.nr_sectors = nr_sectors;
		g.block_sectors = sizes[i].block_sectors;
		before = copy_of(&d);
		e = disk_engine(&d);
		assert_int_equal(store_format(e, &g, NULL, NULL, NULL), want);
		if (want)
			assert_unchanged(&d, before);
		else
			free(before);
		assert_int_equal(build_begin(e, &g, 3, &b, NULL), want);
		if (!want)
			assert_int_equal(build_end(b, NULL), 0);
		engine_destroy(e);
		if (!want)
			assert_int_equal(check(&d, NULL), 0);
		disk_destroy(&d);

		/* Tests a volume that is resized. */
		if (sizes[i].block_sectors != geometry.block_sectors)
			continue;
		write_supers(&d, 20, 30);
		s = open_store(&d, STORE_WRITE);
		assert_int_equal(store_make_room(s, nr_sectors, NULL), want);
		assert_int_equal(store_resize(s, nr_sectors, NULL), want);
		assert_int_equal(store_close(s, true, NULL), 0);
		assert_int_equal(check(&d, NULL), 0);
		disk_destroy(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writers_at_last_number),
		cmocka_unit_test(test_open_beyond_last_number),
		cmocka_unit_test(test_repair_at_limits),
		cmocka_unit_test(test_repair_of_strange_pages),
		cmocka_unit_test(test_repair_of_both_supers),
		cmocka_unit_test(test_last_era),
		cmocka_unit_test(test_repair_in_last_era),
		cmocka_unit_test(test_build_in_last_era),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
