// SPDX-License-Identifier: GPL-2.0-or-later
/* Superblocks: each field is set to a wrong value in turn, and the valid copy is used. */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "disk.h"
#include "store/crc32c.h"
#include "store/super.h"

#define PAGES	(ERAD_JOURNAL_START + 97u)

struct fixture {
	struct disk disk;
	struct engine *e;
	void *page;
};

static void setup(struct fixture *f)
{
	disk_init(&f->disk, PAGES * ERAD_PAGE);
	f->e = disk_engine(&f->disk);
	f->page = aligned_alloc(ERAD_PAGE, ERAD_PAGE);
}

static void teardown(struct fixture *f)
{
	engine_destroy(f->e);
	disk_destroy(&f->disk);
	free(f->page);
}

static struct erad_disk_super good_super(uint64_t seq)
{
	static const uint8_t uuid[16] = { 1, 2, 3 };
	struct erad_disk_super sb;

	super_init(&sb, uuid, 8001, 8, 64, 0);
	sb.seq = htole64(seq);
	sb.era = htole32(5);
	sb.journal_tail = htole64(77);
	return sb;
}

static void put_super(struct fixture *f, struct erad_disk_super sb)
{
	assert_int_equal(super_write(f->e, &sb, f->page), 0);
}

static int get_super(struct fixture *f, struct erad_disk_super *sb)
{
	struct err err = { "" };
	int ret = super_read(f->e, sb, &err);

	assert_true(!ret == !err.msg[0]);
	return ret;
}

static void test_fields(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; ; i++) {
		struct erad_disk_super sb = good_super(4), got;
		int want = -EUCLEAN;
		struct fixture f;

		switch (i) {
		case 0:
			want = 0;
			break;
		case 1:
			want = -EOPNOTSUPP;
			sb.version = htole32(ERAD_FORMAT_VERSION + 1);
			break;
		case 2:
			want = -EOPNOTSUPP;
			sb.incompat = htole64(1ULL << 63);
			break;
		case 3:
			want = 0;
			sb.compat = htole64(1);
			break;
		case 4:
			/* metadata with this bit can be opened for reading: see test_store.c */
			want = 0;
			sb.ro_compat = htole64(1);
			break;
		case 5:
			sb.seq = htole64(SUPER_MAX_SEQ + 2);
			break;
		case 6:
			sb.nr_sectors = 0;
			break;
		case 7:
			sb.nr_sectors = htole64(SUPER_MAX_SECTORS + 1);
			break;
		case 8:
			sb.nr_sectors = htole64(8009);
			break;
		case 9:
			sb.nr_blocks = htole64(1002);
			break;
		case 10:
			sb.nr_blocks = htole64(UINT64_MAX);
			break;
		case 11:
			sb.block_sectors = 0;
			break;
		case 12:
			sb.block_sectors = htole32(12);
			break;
		case 13:
			sb.journal_start = htole64(1);
			break;
		case 14:
			sb.journal_pages = htole64(15);
			break;
		case 15:
			sb.journal_pages = htole64(UINT64_MAX - 1);
			break;
		case 16:
			sb.array_start = htole64(ERAD_JOURNAL_START + 63);
			break;
		case 17:
			sb.array_start = htole64(UINT64_MAX);
			break;
		case 18:
			sb.array_pages = htole64(1);
			break;
		case 19:
			sb.array_pages = htole64(UINT64_MAX);
			break;
		case 20:
			sb.journal_tail = htole64(UINT64_MAX);
			break;
		case 21:
			sb.era = htole32(UINT32_MAX);
			break;
		case 22:
			sb.flags = htole32(8);
			break;
		case 25:
			sb.floor_era = htole32(UINT32_MAX);
			break;
		case 26:
			sb.degrade_serial = htole64(SUPER_MAX_SEQ + 1);
			break;
		case 27:
			sb.snap_floor_era = htole32(1);	/* there is no snapshot */
			break;
		case 28:
			sb.history_seq = htole64(SUPER_MAX_SEQ + 1);
			break;
		case 29:	/* without a history, the ring would have to begin earlier */
			sb.incompat = 0;
			break;
		case 30:
			want = 0;
			sb.incompat = 0;
			sb.journal_start = htole64(ERAD_JOURNAL_START_OLD);
			sb.journal_pages = htole64(64 + ERAD_JOURNAL_START - ERAD_JOURNAL_START_OLD);
			break;
		case 23:	/* the fields agree, but the metadata is larger than the disk */
			super_init(&sb, sb.uuid, 8ULL * 992 * 33 + 1, 8, 64, 0);
			sb.seq = htole64(4);
			break;
		case 24:	/* the fields agree, and the metadata is as large as the disk */
			want = 0;
			super_init(&sb, sb.uuid, 8ULL * 992 * 33, 8, 64, 0);
			sb.seq = htole64(4);
			break;
		default:
			return;
		}
		setup(&f);
		put_super(&f, sb);
		assert_int_equal(get_super(&f, &got), want);
		if (!want)
			assert_memory_equal((char *)&got + 4, (char *)&sb + 4, sizeof(sb) - 4);
		/* A copy of the first superblock is not valid in the place of the second one. */
		memcpy(f.disk.visible + ERAD_PAGE, f.disk.visible, ERAD_PAGE);
		memset(f.disk.visible, 0, ERAD_PAGE);
		assert_int_equal(get_super(&f, &got), want ? want : -EUCLEAN);
		teardown(&f);
	}
}

static void test_choice(void **state)
{
	struct erad_disk_super got, other;
	struct fixture f;
	unsigned int i;

	(void)state;
	setup(&f);
	put_super(&f, good_super(4));
	put_super(&f, good_super(5));
	assert_int_equal(get_super(&f, &got), 0);
	assert_int_equal(le64toh(got.seq), 5);
	put_super(&f, good_super(6));
	assert_int_equal(get_super(&f, &got), 0);
	assert_int_equal(le64toh(got.seq), 6);

	/* If one superblock is torn or unreadable, the other one is used. */
	f.disk.visible[300] ^= 1;
	assert_int_equal(get_super(&f, &got), 0);
	assert_int_equal(le64toh(got.seq), 5);
	f.disk.visible[300] ^= 1;
	for (i = 0; i < 2; i++) {
		f.disk.fail_from = f.disk.ops + i;
		f.disk.fail_to = f.disk.fail_from + 1;
		assert_int_equal(get_super(&f, &got), 0);
		assert_int_equal(le64toh(got.seq), 5 + i);
	}
	f.disk.fail_to = f.disk.fail_from + 10;
	assert_int_equal(get_super(&f, &got), -EIO);
	f.disk.fail_to = 0;

	/* If one superblock is of another volume, or of a future version, none is used. */
	other = good_super(7);
	other.uuid[0]++;
	put_super(&f, other);
	assert_int_equal(get_super(&f, &got), -EUCLEAN);
	other = good_super(7);
	other.version = htole32(ERAD_FORMAT_VERSION + 1);
	put_super(&f, other);
	assert_int_equal(get_super(&f, &got), -EOPNOTSUPP);
	teardown(&f);
}

static void test_nothing(void **state)
{
	struct erad_disk_super got;
	struct fixture f;

	(void)state;
	setup(&f);
	assert_int_equal(get_super(&f, &got), -ENODATA);
	f.disk.visible[2 * ERAD_PAGE - 1] = 1;
	assert_int_equal(get_super(&f, &got), -EINVAL);
	put_super(&f, good_super(4));
	f.disk.visible[100]++;
	assert_int_equal(get_super(&f, &got), -EUCLEAN);
	f.e->size = ERAD_PAGE;
	assert_int_equal(get_super(&f, &got), -EINVAL);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
