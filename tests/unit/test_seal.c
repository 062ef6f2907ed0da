// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Seals: a change at a sealed place is noticed and named, an unchanged device causes no alarm, and
 * no content of a file system makes a seal read wrong places.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/seal.h"
#include "common/witness.h"
#include "seal_device.h"

static void test_change_at_each_place_of_a_seal_is_seen(void **state)
{
	struct seal s;

	(void)state;
	take_seal(SIZE, &s);
	assert_seen(&s, 0, "differs, 1 MiB at byte 0 in the start of the device");
	assert_seen(&s, (1 << 20) - 1, "the start of the device");
	assert_seen(&s, SIZE - 1, "the end of the device");
	assert_seen(&s, SIZE - (1 << 20), "the end of the device");
	for (uint32_t i = 0; i < le32toh(s.nr); i++) {
		const struct seal_entry *e = &s.entry[i];

		assert_seen(&s, le64toh(e->offset), "1 of ");
		assert_seen(&s, le64toh(e->offset) + le32toh(e->length) - 1, "1 of ");
	}
}

static void test_samples_are_spread_and_depend_on_the_seed(void **state)
{
	unsigned int nr = 0, same = 0;
	struct seal s, other;
	struct err err;

	(void)state;
	take_seal(SIZE, &s);
	assert_int_equal(seal_take(device_fd, SIZE, 43, &other, &err), 0);
	for (uint32_t i = 0; i < le32toh(s.nr); i++) {
		const struct seal_entry *e = &s.entry[i];

		if (le32toh(e->what) != SEAL_SAMPLE)
			continue;
		assert_int_equal(le32toh(e->length), SEAL_SAMPLE_SIZE);
		assert_int_equal(le64toh(e->offset) % 4096, 0);
		nr++;
		same += !!find_entry(&other, SEAL_SAMPLE, le64toh(e->offset));
	}
	/*
	 * The first and the last sample may be within the first and the last MiB, and then have no
	 * entry of their own.
	 */
	assert_in_range(nr, SEAL_SAMPLES - 2, SEAL_SAMPLES);
	assert_in_range(same, 0, 6);
}

static void test_seal_of_a_small_or_odd_device_covers_all_of_it(void **state)
{
	const uint64_t sizes[] = { 512, 4096, 1 << 20, (1 << 20) + 512, SEAL_WHOLE };
	struct seal s;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		uint64_t covered = 0;

		take_seal(sizes[i], &s);
		for (uint32_t n = 0; n < le32toh(s.nr); n++)
			covered += le32toh(s.entry[n].length);
		assert_int_equal(covered, sizes[i]);
	}
	take_seal(SEAL_WHOLE + 512, &s);
	assert_non_null(find_entry(&s, SEAL_LAST, SEAL_WHOLE - (1 << 20) + 4096));
	assert_seen(&s, SEAL_WHOLE + 511, "the end of the device");
}

static void test_places_behind_the_end_are_left_out(void **state)
{
	struct seal s;
	struct err err;

	(void)state;
	take_seal(SIZE, &s);
	assert_int_equal(ftruncate(device_fd, SIZE / 2), 0);
	assert_int_equal(seal_compare(device_fd, SIZE / 2, &s, &err), 0);
	/* A sealed place that cannot be read counts as different. */
	assert_int_equal(seal_compare(device_fd, SIZE, &s, &err), 1);
	assert_non_null(strstr(err.msg, "which cannot be read: No data available"));
}

static void test_seal_that_is_not_understood_is_an_error(void **state)
{
	struct seal s;
	struct err err;

	(void)state;
	take_seal(SIZE, &s);
	s.version = htole32(SEAL_VERSION + 1);
	assert_int_equal(seal_compare(device_fd, SIZE, &s, &err), -EINVAL);
	take_seal(SIZE, &s);
	s.nr = htole32(SEAL_ENTRIES + 1);
	assert_int_equal(seal_compare(device_fd, SIZE, &s, &err), -EINVAL);
	memset(&s, 0, sizeof(s));
	assert_int_equal(seal_compare(device_fd, SIZE, &s, &err), -EINVAL);
}

static void test_journal_of_ext4_is_sealed(void **state)
{
	struct seal s;

	(void)state;
	put_ext4(0, 20000);
	take_seal(SIZE, &s);
	assert_non_null(find_entry(&s, SEAL_LOG, 20000 * 4096ull));
	assert_seen(&s, 20000 * 4096ull + 100, "the journal of a file system");
	/* ext3 has a list of blocks instead of an extent. */
	put_le32(1024 + 268, 30000);
	take_seal(SIZE, &s);
	assert_non_null(find_entry(&s, SEAL_LOG, 30000 * 4096ull));
}

/* A witness contains only the known places, in pieces that do not cross a multiple of 64 KiB. */
static void test_known_places_are_cut_into_pieces(void **state)
{
	struct witness w, again;
	char text[WITNESS_TEXT_SIZE];
	struct err err;
	struct seal s;

	(void)state;
	put_ext4(0, 20001);
	assert_int_equal(seal_take_known(device_fd, SIZE, 20, &s, &err), 0);
	assert_int_equal(le32toh(s.nr), 5);
	for (uint32_t i = 0; i < 5; i++) {
		const uint64_t offset = le64toh(s.entry[i].offset), len = le32toh(s.entry[i].length);
		uint64_t hash;

		assert_true(len && offset / SEAL_PIECE == (offset + len - 1) / SEAL_PIECE);
		assert_int_equal(seal_hash_entry(device_fd, &s.entry[i], &hash), 0);
		assert_true(hash == le64toh(s.entry[i].hash));
		flip_bit(offset + len - 1);
		assert_int_equal(seal_hash_entry(device_fd, &s.entry[i], &hash), 0);
		assert_true(hash != le64toh(s.entry[i].hash));
	}
	assert_non_null(find_entry(&s, SEAL_SUPER, 0));
	assert_non_null(find_entry(&s, SEAL_SUPER, SEAL_PIECE));
	assert_non_null(find_entry(&s, SEAL_LOG, 20001 * 4096ull));
	assert_non_null(find_entry(&s, SEAL_LOG, 20016 * 4096ull));
	assert_non_null(find_entry(&s, SEAL_LOG, 20032 * 4096ull));
	assert_int_equal(seal_take_known(device_fd, SIZE, 3, &s, &err), 0);
	assert_int_equal(le32toh(s.nr), 3);

	assert_int_equal(witness_take(device_fd, SIZE, 7, &w, &err), 0);
	assert_true(witness_valid(&w) && le32toh(w.nr) == 5 && le32toh(w.era) == 7);
	assert_true(witness_from_text(witness_text(&w, text), &again));
	assert_memory_equal(&w, &again, sizeof(w));
	text[1] = 'g';
	assert_false(witness_from_text(text, &again));
	text[WITNESS_TEXT_SIZE - 2] = 0;
	assert_false(witness_from_text(text, &again));
}

static void test_head_of_the_log_of_xfs_is_found_and_sealed(void **state)
{
	struct seal s;

	(void)state;
	put_xfs(0, 128 * MIB, 64 << 20, 8000);
	take_seal(SIZE, &s);
	assert_non_null(find_entry(&s, SEAL_LOG, 128 << 20));
	assert_seen(&s, (128 << 20) + 8000 * 512, "the journal of a file system");
	assert_seen(&s, (128 << 20) + 7999 * 512, "the journal of a file system");
}

static void test_superblocks_of_btrfs_are_sealed(void **state)
{
	struct seal s;

	(void)state;
	put_bytes(65536 + 64, "_BHRfS_M", 8);
	take_seal(SIZE, &s);
	assert_non_null(find_entry(&s, SEAL_SUPER, 64 << 20));
}

static void test_file_system_in_luks_is_sealed(void **state)
{
	static const char json[] = "{\"keyslots\":{\"0\":{\"area\":{\"offset\":\"32768\"}}},"
		"\"segments\":{\"0\":{\"type\":\"crypt\",\"offset\":\"33554432\"}}}";
	struct seal s;

	(void)state;
	put_bytes(0, "LUKS\xba\xbe\0\2", 8);
	put_bytes(4096, json, sizeof(json));
	take_seal(SIZE, &s);
	assert_non_null(find_entry(&s, SEAL_SUPER, 33554432));
	put_bytes(0, "LUKS\xba\xbe\0\1", 8);
	put_be32(104, 4096);
	take_seal(SIZE, &s);
	assert_non_null(find_entry(&s, SEAL_SUPER, 4096 * 512));
}

static void test_list_of_files_of_fat_exfat_and_ntfs_is_sealed(void **state)
{
	static const uint8_t zeros[512] = { 0 };
	struct seal s;

	(void)state;
	/* FAT32: 32 reserved sectors, 2 FATs of 10000 sectors, clusters of 8 sectors, the root in cluster 5. */
	put_bytes(11, "\0\2\x8\x20\0\2", 6);
	put_le32(36, 10000);
	put_le32(44, 5);
	put_bytes(82, "FAT32", 5);
	take_seal(SIZE, &s);
	assert_non_null(find_entry(&s, SEAL_FILES, (32 + 20000 + 24) * 512));
	assert_seen(&s, (32 + 20000 + 24) * 512 + 65535, "in the list of files of a file system");

	/* exfat: sectors of 512 bytes, clusters of 2^6 sectors, the first at sector 8192, the root in cluster 102. */
	put_bytes(0, zeros, sizeof(zeros));
	put_bytes(3, "EXFAT   ", 8);
	put_le32(88, 8192);
	put_le32(96, 102);
	put_bytes(108, "\x9\x6", 2);
	take_seal(SIZE, &s);
	assert_non_null(find_entry(&s, SEAL_FILES, (8192 + 100 * 64) * 512));

	/* NTFS: clusters of 8 sectors of 512 bytes, the table in cluster 1000; or clusters of 2^-(-9) sectors. */
	put_bytes(0, zeros, sizeof(zeros));
	put_bytes(3, "NTFS    \0\2\x8", 11);
	put_le32(48, 1000);
	take_seal(SIZE, &s);
	assert_non_null(find_entry(&s, SEAL_FILES, 1000 * 4096));
	put_bytes(13, "\xf7", 1);
	put_le32(48, 100);
	take_seal(SIZE, &s);
	assert_non_null(find_entry(&s, SEAL_FILES, 100 * 512 * 512));
}

static void test_checkpoints_of_f2fs_are_sealed(void **state)
{
	struct seal s;

	(void)state;
	put_bytes(1024, "\x10\x20\xf5\xf2", 4);
	put_le32(1024 + 16, 12);
	put_le32(1024 + 20, 9);
	put_le32(1024 + 76, 512);
	take_seal(SIZE, &s);
	assert_non_null(find_entry(&s, SEAL_LOG, 512 * 4096));
	assert_non_null(find_entry(&s, SEAL_LOG, 1024 * 4096));
	assert_seen(&s, 1024 * 4096, "the journal of a file system");
}

static void test_file_system_in_a_partition_is_sealed(void **state)
{
	struct seal s;

	(void)state;
	put_partition(0, 65536 * 512, 96 * MIB);
	put_ext4(65536 * 512, 5000);
	take_seal(SIZE, &s);
	assert_non_null(find_entry(&s, SEAL_SUPER, 65536 * 512));
	assert_non_null(find_entry(&s, SEAL_LOG, 65536 * 512 + 5000 * 4096));
}

/*
 * Whatever the fields of a superblock are, a seal reads at most the allowed amount, and returns no
 * error.
 */
static void test_broken_superblocks_lead_no_seal_astray(void **state)
{
	static const struct {
		const char *magic;
		unsigned int offset;
	} fs[] = { { "XFSB", 0 }, { "\x53\xef", 1024 + 56 }, { "LUKS\xba\xbe", 0 }, { "_BHRfS_M", 65536 + 64 }, { "FAT32", 82 },
		{ "EXFAT   ", 3 }, { "NTFS    ", 3 }, { "\x10\x20\xf5\xf2", 1024 } };
	static uint8_t head[128 << 10];

	(void)state;
	srandom(1);
	for (unsigned int round = 0; round < 200; round++) {
		uint64_t covered = 0;
		struct seal s;

		for (size_t i = 0; i < sizeof(head); i++)
			head[i] = round % 3 ? random() : round % 2 ? 0xff : 0;
		memcpy(head + fs[round % 4].offset, fs[round % 4].magic, strlen(fs[round % 4].magic));
		if (round % 4 == 1 && round % 5) {
			head[1024 + 253] = 1;
			memcpy(head + 1024 + 24, "\2\0\0", 4);
		}
		put_bytes(0, head, sizeof(head));
		take_seal(SIZE, &s);
		for (uint32_t i = 0; i < le32toh(s.nr); i++) {
			covered += le32toh(s.entry[i].length);
			assert_true(le64toh(s.entry[i].offset) + le32toh(s.entry[i].length) <= SIZE);
		}
		assert_in_range(covered, 2 << 20, SEAL_READ_MAX);
	}
}

static void test_open_of_what_is_not_there_says_so(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(seal_open("/nonexistent/device", true, &err), -ENOENT);
	assert_string_equal(err.msg, "cannot open /nonexistent/device: No such file or directory");
}

#define T(name)	cmocka_unit_test_setup_teardown(name, seal_device_make, seal_device_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_change_at_each_place_of_a_seal_is_seen),
		T(test_samples_are_spread_and_depend_on_the_seed),
		T(test_seal_of_a_small_or_odd_device_covers_all_of_it),
		T(test_places_behind_the_end_are_left_out),
		T(test_seal_that_is_not_understood_is_an_error),
		T(test_journal_of_ext4_is_sealed),
		T(test_known_places_are_cut_into_pieces),
		T(test_head_of_the_log_of_xfs_is_found_and_sealed),
		T(test_superblocks_of_btrfs_are_sealed),
		T(test_file_system_in_luks_is_sealed),
		T(test_list_of_files_of_fat_exfat_and_ntfs_is_sealed),
		T(test_checkpoints_of_f2fs_are_sealed),
		T(test_file_system_in_a_partition_is_sealed),
		T(test_broken_superblocks_lead_no_seal_astray),
		T(test_open_of_what_is_not_there_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
