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

#include "common/lv_places.h"
#include "common/pv_layout.h"
#include "common/seal.h"
#include "common/witness.h"
#include "pv_image.h"

#define SIZE	(512ull << 20)

static int fd;

static int set_up(void **state)
{
	char path[] = "/var/tmp/erad-seal-XXXXXX";

	(void)state;
	fd = mkostemp(path, O_CLOEXEC);
	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(fd);
	return 0;
}

static void put_bytes(uint64_t offset, const void *bytes, size_t len)
{
	assert_int_equal(pwrite(fd, bytes, len, offset), len);
}

static void flip_bit(uint64_t offset)
{
	uint8_t b;

	assert_int_equal(pread(fd, &b, 1, offset), 1);
	b ^= 0x10;
	put_bytes(offset, &b, 1);
}

static void take_seal(uint64_t size, struct seal *s)
{
	struct err err;

	if (seal_take(fd, size, 42, s, &err))
		fail_msg("%s", err.msg);
}

static const struct seal_entry *find_entry(const struct seal *s, enum seal_what what, uint64_t offset)
{
	for (uint32_t i = 0; i < le32toh(s->nr); i++)
		if (le32toh(s->entry[i].what) == what && le64toh(s->entry[i].offset) == offset)
			return &s->entry[i];
	return NULL;
}

/*
 * Changes one bit at the place.  Checks that the change is noticed, and that it is described as
 * `text`.
 */
static void assert_seen(const struct seal *s, uint64_t offset, const char *text)
{
	struct err err;

	flip_bit(offset);
	assert_int_equal(seal_compare(fd, SIZE, s, &err), 1);
	if (!strstr(err.msg, text))
		fail_msg("got '%s', expected '%s'", err.msg, text);
	flip_bit(offset);
	assert_int_equal(seal_compare(fd, SIZE, s, &err), 0);
}

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
	assert_int_equal(seal_take(fd, SIZE, 43, &other, &err), 0);
	for (uint32_t i = 0; i < le32toh(s.nr); i++) {
		const struct seal_entry *e = &s.entry[i];

		if (le32toh(e->what) != SEAL_SAMPLE)
			continue;
		assert_int_equal(le32toh(e->length), SEAL_SAMPLE_SIZE);
		assert_int_equal(le64toh(e->offset) % 4096, 0);
		nr++;
		same += !!find_entry(&other, SEAL_SAMPLE, le64toh(e->offset));
	}
	/* The first and the last sample may be within the first and the last MiB. */
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
	assert_int_equal(ftruncate(fd, SIZE / 2), 0);
	assert_int_equal(seal_compare(fd, SIZE / 2, &s, &err), 0);
	/* A sealed place that cannot be read counts as different. */
	assert_int_equal(seal_compare(fd, SIZE, &s, &err), 1);
	assert_non_null(strstr(err.msg, "which cannot be read: No data available"));
}

static void test_seal_that_is_not_understood_is_an_error(void **state)
{
	struct seal s;
	struct err err;

	(void)state;
	take_seal(SIZE, &s);
	s.version = htole32(SEAL_VERSION + 1);
	assert_int_equal(seal_compare(fd, SIZE, &s, &err), -EINVAL);
	take_seal(SIZE, &s);
	s.nr = htole32(SEAL_ENTRIES + 1);
	assert_int_equal(seal_compare(fd, SIZE, &s, &err), -EINVAL);
	memset(&s, 0, sizeof(s));
	assert_int_equal(seal_compare(fd, SIZE, &s, &err), -EINVAL);
}

static void put_be32(uint64_t offset, uint32_t v)
{
	v = htobe32(v);
	put_bytes(offset, &v, sizeof(v));
}

static void put_le32(uint64_t offset, uint32_t v)
{
	v = htole32(v);
	put_bytes(offset, &v, sizeof(v));
}

/* Makes an ext4 with blocks of 4 KiB at byte base.  Its journal begins at `block`. */
static void put_ext4(uint64_t base, uint32_t journal)
{
	put_le32(base + 1024 + 24, 2);
	put_bytes(base + 1024 + 56, "\x53\xef", 2);
	put_le32(base + 1024 + 92, 4);
	put_le32(base + 1024 + 224, 8);
	put_bytes(base + 1024 + 253, "\x01", 1);
	put_le32(base + 1024 + 268, 0x0001f30a);	/* one extent … */
	put_le32(base + 1024 + 268 + 12 + 8, journal);	/* … and where it is */
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

/* A witness has the known places only, in pieces that do not cross a multiple of 64 KiB. */
static void test_known_places_are_cut_into_pieces(void **state)
{
	struct witness w, again;
	char text[WITNESS_TEXT_SIZE];
	struct err err;
	struct seal s;

	(void)state;
	put_ext4(0, 20001);
	assert_int_equal(seal_take_known(fd, SIZE, 20, &s, &err), 0);
	assert_int_equal(le32toh(s.nr), 5);
	for (uint32_t i = 0; i < 5; i++) {
		const uint64_t offset = le64toh(s.entry[i].offset), len = le32toh(s.entry[i].length);
		uint64_t hash;

		assert_true(len && offset / SEAL_PIECE == (offset + len - 1) / SEAL_PIECE);
		assert_int_equal(seal_hash_entry(fd, &s.entry[i], &hash), 0);
		assert_true(hash == le64toh(s.entry[i].hash));
		flip_bit(offset + len - 1);
		assert_int_equal(seal_hash_entry(fd, &s.entry[i], &hash), 0);
		assert_true(hash != le64toh(s.entry[i].hash));
	}
	assert_non_null(find_entry(&s, SEAL_SUPER, 0));
	assert_non_null(find_entry(&s, SEAL_SUPER, SEAL_PIECE));
	assert_non_null(find_entry(&s, SEAL_LOG, 20001 * 4096ull));
	assert_non_null(find_entry(&s, SEAL_LOG, 20016 * 4096ull));
	assert_non_null(find_entry(&s, SEAL_LOG, 20032 * 4096ull));
	assert_int_equal(seal_take_known(fd, SIZE, 3, &s, &err), 0);
	assert_int_equal(le32toh(s.nr), 3);

	assert_int_equal(witness_take(fd, SIZE, 7, &w, &err), 0);
	assert_true(witness_valid(&w) && le32toh(w.nr) == 5 && le32toh(w.era) == 7);
	assert_true(witness_from_text(witness_text(&w, text), &again));
	assert_memory_equal(&w, &again, sizeof(w));
	text[1] = 'g';
	assert_false(witness_from_text(text, &again));
	text[WITNESS_TEXT_SIZE - 2] = 0;
	assert_false(witness_from_text(text, &again));
}

#define MIB	(1ull << 20)

/*
 * Makes a physical volume of LVM at byte base, with extents of 4 MiB from 1 MiB on.  lvs: its logical
 * volumes, as in LVM's text.
 */
static void put_pv(uint64_t base, const char *lvs)
{
	static uint8_t image[1 << 20];
	static char text[512 << 10];
	const int len = snprintf(text, sizeof(text),
				 "vg {\nextent_size = 8192\nphysical_volumes {\npv0 {\nid = \"" PV_IMAGE_ID "\"\npe_start = 2048\n}\n}\n"
				 "logical_volumes {\n%s}\n}\n", lvs);

	assert_in_range(len, 1, sizeof(text) - 1);
	memset(image, 0, sizeof(image));
	pv_image_make(image, sizeof(image) - PV_IMAGE_AREA, 512, text, len + 1);
	put_bytes(base, image, sizeof(image));
}

#define LINEAR(n, start, count, pv, extent)									\
	"segment" #n " {\nstart_extent = " #start "\nextent_count = " #count "\ntype = \"striped\"\n"		\
	"stripe_count = 1\nstripes = [\n\"" #pv "\", " #extent "\n]\n}\n"

/* A logical volume of 64 MiB from 41 MiB on, then of 64 MiB from 181 MiB on. */
#define TWO_SEGMENTS	"a {\n" LINEAR(1, 0, 16, pv0, 10) LINEAR(2, 16, 16, pv0, 45) "}\n"

static void test_file_system_in_a_logical_volume_is_sealed(void **state)
{
	struct seal s;

	(void)state;
	put_pv(0, TWO_SEGMENTS);
	put_ext4(41 * MIB, 2560);			/* its journal begins at 10 MiB */
	take_seal(SIZE, &s);
	assert_non_null(find_entry(&s, SEAL_SUPER, 41 * MIB));
	assert_non_null(find_entry(&s, SEAL_LOG, 51 * MIB));
	assert_seen(&s, 41 * MIB + 1024 + 58, "a superblock");
	assert_seen(&s, 51 * MIB, "the journal of a file system");
	/* A journal in the second segment, and one that begins 8 KiB before its start. */
	put_ext4(41 * MIB, 16384 + 1024);
	take_seal(SIZE, &s);
	assert_seen(&s, 185 * MIB, "the journal of a file system");
	put_ext4(41 * MIB, 16384 - 2);
	take_seal(SIZE, &s);
	assert_seen(&s, 105 * MIB - 8192, "8 KiB at byte 110092288 in the journal of a file system");
	assert_seen(&s, 181 * MIB, "120 KiB at byte 189792256 in the journal of a file system");
	/* A journal on another physical volume. */
	put_pv(0, "a {\n" LINEAR(1, 0, 16, pv0, 10) LINEAR(2, 16, 16, pv1, 45) "}\n");
	put_ext4(41 * MIB, 16384 + 1024);
	take_seal(SIZE, &s);
	assert_non_null(find_entry(&s, SEAL_SUPER, 41 * MIB));
	for (uint32_t i = 0; i < le32toh(s.nr); i++)
		assert_int_not_equal(le32toh(s.entry[i].what), SEAL_LOG);
}

/* Sectors of other stripes are not on the device, and are not mistaken for those that follow. */
static void test_file_system_in_stripes_is_sealed(void **state)
{
	static const char stripes[] = "a {\nsegment1 {\nstart_extent = 0\nextent_count = 16\ntype = \"striped\"\n"
		"stripe_count = 2\nstripe_size = 128\nstripes = [\n\"pv0\", 10,\n\"pv1\", 0\n]\n}\n}\n";
	struct seal s;

	(void)state;
	put_pv(0, stripes);
	put_ext4(41 * MIB, 16 * 4 + 2);			/* stripe 4 from its byte 8192 on, and stripe 6 */
	take_seal(SIZE, &s);
	assert_seen(&s, 41 * MIB + 1024, "a superblock");
	assert_seen(&s, 41 * MIB + 2 * 65536 + 8192, "56 KiB at byte 43130880 in the journal of a file system");
	assert_seen(&s, 41 * MIB + 3 * 65536, "8 KiB at byte 43188224 in the journal of a file system");
}

static void test_logical_volume_in_a_partition_is_sealed(void **state)
{
	struct seal s;

	(void)state;
	put_bytes(446 + 4, "\x8e", 1);
	put_le32(446 + 8, 65536);
	put_le32(446 + 12, 900000);
	put_bytes(510, "\x55\xaa", 2);
	put_pv(32 * MIB, TWO_SEGMENTS);
	put_ext4(73 * MIB, 2560);
	take_seal(SIZE, &s);
	assert_non_null(find_entry(&s, SEAL_SUPER, 73 * MIB));
	assert_non_null(find_entry(&s, SEAL_LOG, 83 * MIB));
}

/* The superblocks of many logical volumes come before their journals. */
static void test_seal_and_witness_of_many_logical_volumes(void **state)
{
	static const char one[] = "lv%u {\nsegment1 {\nstart_extent = 0\nextent_count = 1\ntype = \"striped\"\n"
		"stripe_count = 1\nstripes = [\n\"pv0\", %u\n]\n}\n}\n";
	static char lvs[64 << 10];
	unsigned int sealed = 0, witnessed = 0;
	struct witness w;
	struct err err;
	struct seal s;
	int n = 0;

	(void)state;
	for (unsigned int i = 0; i < 100; i++) {
		n += snprintf(lvs + n, sizeof(lvs) - n, one, i, i);
		put_ext4((1 + 4 * i) * MIB, 256);
	}
	put_pv(0, lvs);
	take_seal(SIZE, &s);
	assert_int_equal(witness_take(fd, SIZE, 7, &w, &err), 0);
	for (unsigned int i = 0; i < 100; i++) {
		sealed += !!find_entry(&s, SEAL_SUPER, (1 + 4 * i) * MIB);
		for (unsigned int e = 0; e < WITNESS_PLACES; e++)
			witnessed += le64toh(w.place[e].offset) == (1 + 4 * i) * MIB;
	}
	assert_int_equal(sealed, PV_LVS);
	assert_int_equal(witnessed, WITNESS_PLACES - 2);

	/* Five logical volumes have space for all places. */
	lvs[strstr(lvs, "lv5 ") - lvs] = 0;
	put_pv(0, lvs);
	assert_int_equal(witness_take(fd, SIZE, 7, &w, &err), 0);
	assert_int_equal(le32toh(w.nr), 2 + 5 * 3);
}

/*
 * The log is 64 MiB from byte 128 MiB on.  It has wrapped once, and 8000 of its sectors are of the
 * second cycle.
 */
static void put_xfs(void)
{
	const uint64_t log = 128ull << 20;

	put_bytes(0, "XFSB", 4);
	put_be32(4, 4096);
	put_be32(84, 16384);
	put_be32(96, (64 << 20) / 4096);
	put_bytes(124, "\x0e", 1);
	put_be32(52, (2 << 14) | 0);		/* group 2 begins at 128 MiB */
	for (uint64_t i = 0; i < 64 << 11; i++)
		put_be32(log + i * 512, i < 8000 ? 2 : 1);
	/*
	 * Each record of the log begins with a header: a magic number, then the number of the cycle
	 * of the log.
	 */
	put_be32(log, 0xfeedbabe);
	put_be32(log + 4, 2);
}

static void test_head_of_the_log_of_xfs_is_found_and_sealed(void **state)
{
	struct seal s;

	(void)state;
	put_xfs();
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

static void test_file_system_in_a_partition_is_sealed(void **state)
{
	struct seal s;

	(void)state;
	/* Makes one partition, of type 83, from sector 65536 on. */
	put_bytes(446 + 4, "\x83", 1);
	put_le32(446 + 8, 65536);
	put_le32(446 + 12, 200000);
	put_bytes(510, "\x55\xaa", 2);
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
	} fs[] = { { "XFSB", 0 }, { "\x53\xef", 1024 + 56 }, { "LUKS\xba\xbe", 0 }, { "_BHRfS_M", 65536 + 64 } };
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

#define T(name)	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
		T(test_file_system_in_a_logical_volume_is_sealed),
		T(test_file_system_in_stripes_is_sealed),
		T(test_logical_volume_in_a_partition_is_sealed),
		T(test_seal_and_witness_of_many_logical_volumes),
		T(test_head_of_the_log_of_xfs_is_found_and_sealed),
		T(test_superblocks_of_btrfs_are_sealed),
		T(test_file_system_in_luks_is_sealed),
		T(test_file_system_in_a_partition_is_sealed),
		T(test_broken_superblocks_lead_no_seal_astray),
		T(test_open_of_what_is_not_there_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
