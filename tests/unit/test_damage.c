// SPDX-License-Identifier: GPL-2.0-or-later
/* Damaged and hostile metadata is refused, or its blocks count as written; no access is out of bounds. */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rnd.h"
#include "store/crc32c.h"
#include "volume.h"

/* If any durable page of the journal except the last one is lost, the open notices this. */
static void test_lost_page(void **state)
{
	struct store *s;
	unsigned int i;
	struct disk d;

	(void)state;
	format(&d);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_begin_era(s, 1, NULL), 0);
	for (i = 0; i < 9; i++)
		assert_int_equal(mark(s, i, 1), 0);
	store_close(s, false, NULL);
	for (i = 0; i < 10; i++) {
		uint8_t *page = d.visible + (ERAD_JOURNAL_START + i) * ERAD_PAGE, old[ERAD_PAGE];

		memcpy(old, page, ERAD_PAGE);
		memset(page, i % 2 ? 0xff : 0, ERAD_PAGE);
		if (i < 9) {
			assert_int_equal(try_open(&d, STORE_WRITE, &s), -EUCLEAN);
			assert_int_equal(try_open(&d, STORE_READ, &s), -EUCLEAN);
			assert_int_equal(check(&d, NULL), 1);
		} else {
			s = open_store(&d, STORE_READ);
			assert_int_equal(diff_blocks(s, 1), 8);
			store_close(s, false, NULL);
		}
		memcpy(page, old, ERAD_PAGE);
	}
	disk_destroy(&d);
}

static void test_damaged_array(void **state)
{
	struct store_info info;
	struct store *s;
	uint8_t *sector;
	struct disk d;

	(void)state;
	format(&d);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(store_begin_era(s, 1, NULL), 0);
	assert_int_equal(mark(s, 0, NR_BLOCKS), 0);
	assert_int_equal(store_begin_era(s, 2, NULL), 0);
	assert_int_equal(store_close(s, true, NULL), 0);

	/*
	 * Damages the second and the last sector.  The last sector contains 12 blocks: 1500 = 12 *
	 * 124 + 12.
	 */
	d.visible[ARRAY_SECTOR(1) + 100] ^= 1;
	memcpy(d.visible + ARRAY_SECTOR(12), d.visible + ARRAY_SECTOR(3), ERAD_SECTOR);
	assert_int_equal(check(&d, NULL), 2);
	s = open_store(&d, STORE_WRITE);
	assert_int_equal(diff_blocks(s, 2), 124 + 12);
	assert_int_equal(mark(s, 5, 1), 0);
	assert_int_equal(store_fold(s, NULL), 0);
	store_info(s, &info);
	assert_int_equal(info.over_marked, 0);
	assert_int_equal(diff_blocks(s, 2), 1 + 124 + 12);
	assert_int_equal(mark(s, 125, 1), 0);
	assert_int_equal(mark(s, NR_BLOCKS - 1, 1), 0);
	assert_int_equal(store_fold(s, NULL), 0);
	store_info(s, &info);
	assert_int_equal(info.over_marked, 124 + 12);
	assert_int_equal(diff_blocks(s, 2), 1 + 124 + 12);
	assert_int_equal(diff_blocks(s, 1), NR_BLOCKS);
	assert_int_equal(store_close(s, true, NULL), 0);
	assert_int_equal(check(&d, NULL), 0);

	/*
	 * Sets an era that has not begun, with correct checksums: first for a block of the device,
	 * then for a block after its end.
	 */
	sector = d.visible + ARRAY_SECTOR(0);
	((struct erad_disk_eras *)sector)->era[3] = htole32(3);
	((struct erad_disk_eras *)sector)->csum = htole32(crc32c(0, sector + 4, 508));
	sector = d.visible + ARRAY_SECTOR(12);
	((struct erad_disk_eras *)sector)->era[12] = htole32(3);
	((struct erad_disk_eras *)sector)->csum = htole32(crc32c(0, sector + 4, 508));
	assert_int_equal(check(&d, NULL), 2);
	disk_destroy(&d);
}

static void reseal_page(uint8_t *image, uint64_t page, bool super)
{
	uint8_t *p = image + page * ERAD_PAGE;
	unsigned int i;

	if (page < ERAD_JOURNAL_START) {
		if (super)
			*(uint32_t *)p = htole32(crc32c(0, p + 4, 508));
	} else if (page < ARRAY_START) {
		struct erad_disk_journal *j = (struct erad_disk_journal *)p;

		if (j->count == 1)
			j->group = htole32(crc32c(0, j->payload, sizeof(j->payload)));
		j->csum = htole32(crc32c(0, p + 4, ERAD_PAGE - 4));
	} else {
		for (i = 0; i < ERAD_PAGE; i += ERAD_SECTOR)
			*(uint32_t *)(p + i) = htole32(crc32c(0, p + i + 4, 508));
	}
}

/* Hostile metadata with correct checksums is refused or used, without an access out of bounds. */
static void test_hostile(void **state)
{
	uint64_t r = 11, i, used = 0;
	struct store *s;
	struct disk d, bad;

	(void)state;
	format(&d);
	s = open_store(&d, STORE_WRITE);
	for (i = 1; i < 12; i++) {
		if (i % 3 == 1)
			assert_int_equal(store_begin_era(s, i, NULL), 0);
		assert_int_equal(mark(s, i * 37, i * 20), 0);
		if (i == 6)
			assert_int_equal(store_fold(s, NULL), 0);
	}
	store_close(s, false, NULL);
	for (i = 0; i < 8000; i++) {
		unsigned int n = 1 + rnd_below(&r, 4);
		struct store_info info;
		uint64_t blocks = 0;

		disk_init_copy(&bad, d.visible, d.size);
		while (n--) {
			uint64_t page = rnd_below(&r, d.size / ERAD_PAGE);
			uint64_t at = rnd_below(&r, rnd_below(&r, 2) ? 140 : ERAD_PAGE);
			static const uint64_t nice[] = { 0, 1, 0x7f, 0xff, 0xffff, ~0ULL, 1ULL << 63 };
			uint64_t v = rnd_below(&r, 2) ? nice[rnd_below(&r, 7)] : rnd(&r);

			memcpy(bad.visible + page * ERAD_PAGE + at % (ERAD_PAGE - 8), &v,
			       1 + rnd_below(&r, 8));
			reseal_page(bad.visible, page, rnd_below(&r, 4));
		}
		check(&bad, NULL);
		if (store_open(disk_engine(&bad), STORE_WRITE, &s, NULL)) {
			disk_destroy(&bad);
			continue;
		}
		used++;
		store_info(s, &info);
		assert_true(info.nr_blocks <= 4 * ERAD_ERAS_PER_PAGE);
		if (info.era)
			store_diff(s, 1, add_len, &blocks, NULL);
		assert_true(blocks <= info.nr_blocks);
		store_mark(s, &(struct erad_range){ .first = 100, .len = 3 }, 1, NULL);
		store_begin_era(s, info.era + 1, NULL);
		store_close(s, true, NULL);
		disk_destroy(&bad);
	}
	assert_in_range(used, 400, 7900);
	disk_destroy(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost_page),
		cmocka_unit_test(test_damaged_array),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
