// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Seals and witnesses of physical volumes of LVM cover the file systems in logical volumes. Even many
 * logical volumes leave space for the file systems on other partitions.
 */
#include <endian.h>
#include <errno.h>
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
#include "seal_device.h"

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

/* A logical volume with two segments of 64 MiB, at 41 MiB and at 181 MiB of the device. */
#define TWO_SEGMENTS	"a {\n" LINEAR(1, 0, 16, pv0, 10) LINEAR(2, 16, 16, pv0, 45) "}\n"

static void test_file_system_in_a_logical_volume_is_sealed(void **state)
{
	struct seal s;

	(void)state;
	put_pv(0, TWO_SEGMENTS);
	put_ext4(41 * MIB, 2560);			/* its journal begins 10 MiB later */
	take_seal(SIZE, &s);
	assert_non_null(find_entry(&s, SEAL_SUPER, 41 * MIB));
	assert_non_null(find_entry(&s, SEAL_LOG, 51 * MIB));
	assert_seen(&s, 41 * MIB + 1024 + 58, "a superblock");
	assert_seen(&s, 51 * MIB, "the journal of a file system");
	/* First the journal is in the second segment. Then it begins 8 KiB before this segment. */
	put_ext4(41 * MIB, 16384 + 1024);
	take_seal(SIZE, &s);
	assert_seen(&s, 185 * MIB, "the journal of a file system");
	put_ext4(41 * MIB, 16384 - 2);
	take_seal(SIZE, &s);
	assert_seen(&s, 105 * MIB - 8192, "8 KiB at byte 110092288 in the journal of a file system");
	assert_seen(&s, 181 * MIB, "120 KiB at byte 189792256 in the journal of a file system");
	/* The journal is on another physical volume. */
	put_pv(0, "a {\n" LINEAR(1, 0, 16, pv0, 10) LINEAR(2, 16, 16, pv1, 45) "}\n");
	put_ext4(41 * MIB, 16384 + 1024);
	take_seal(SIZE, &s);
	assert_non_null(find_entry(&s, SEAL_SUPER, 41 * MIB));
	for (uint32_t i = 0; i < le32toh(s.nr); i++)
		assert_int_not_equal(le32toh(s.entry[i].what), SEAL_LOG);
}

/*
 * Only every second stripe is on the device. On the device, stripe 6 follows stripe 4, and must not
 * be confused with stripe 5.
 */
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
	put_partition(0, 32 * MIB, 400 * MIB);
	put_pv(32 * MIB, TWO_SEGMENTS);
	put_ext4(73 * MIB, 2560);
	take_seal(SIZE, &s);
	assert_non_null(find_entry(&s, SEAL_SUPER, 73 * MIB));
	assert_non_null(find_entry(&s, SEAL_LOG, 83 * MIB));
}

/* Makes a LUKS2 whose data begin 1 MiB after byte base. */
static void put_luks(uint64_t base)
{
	static const char json[] = "{\"segments\":{\"0\":{\"type\":\"crypt\",\"offset\":\"1048576\"}}}";

	put_bytes(base, "LUKS\xba\xbe\0\2", 8);
	put_bytes(base + 4096, json, sizeof(json));
}

enum content { EXT4, XFS, LUKS };

/* Returns the byte at which a logical volume of put_lvs() begins. */
static uint64_t lv_at(uint64_t base, unsigned int lv)
{
	return base + (1 + 4 * lv) * MIB;
}

/* Makes a physical volume at byte base with `nr` logical volumes of 4 MiB. */
static void put_lvs(uint64_t base, unsigned int nr, enum content content)
{
	static const char one[] = "lv%u {\nsegment1 {\nstart_extent = 0\nextent_count = 1\ntype = \"striped\"\n"
		"stripe_count = 1\nstripes = [\n\"pv0\", %u\n]\n}\n}\n";
	static char lvs[64 << 10];
	int n = 0;

	for (unsigned int i = 0; i < nr; i++) {
		n += snprintf(lvs + n, sizeof(lvs) - n, one, i, i);
		if (content == EXT4)
			put_ext4(lv_at(base, i), 256);
		else if (content == XFS)
			put_xfs(lv_at(base, i), MIB, 64 << 10, 100);
		else
			put_luks(lv_at(base, i));
	}
	put_pv(base, lvs);
}

static unsigned int witnessed(const struct witness *w, uint64_t offset)
{
	unsigned int found = 0;

	for (uint32_t i = 0; i < le32toh(w->nr); i++)
		found += le64toh(w->place[i].offset) == offset;
	return found;
}

/*
 * Looks at one place of each logical volume of put_lvs(), `skip` bytes after its start. Checks that
 * the seal contains this place of in_seal logical volumes, and that the witness contains this place
 * of in_witness logical volumes.
 */
static void assert_lvs(uint64_t base, uint64_t skip, unsigned int in_seal, unsigned int in_witness)
{
	unsigned int sealed = 0, in_w = 0;
	struct witness w;
	struct err err;
	struct seal s;

	take_seal(SIZE, &s);
	assert_int_equal(witness_take(device_fd, SIZE, 7, &w, &err), 0);
	for (unsigned int i = 0; i < 100; i++) {
		sealed += !!find_entry(&s, SEAL_SUPER, lv_at(base, i) + skip);
		in_w += witnessed(&w, lv_at(base, i) + skip);
	}
	assert_int_equal(sealed, in_seal);
	assert_int_equal(in_w, in_witness);
}

/*
 * Checks the numbers of logical volumes in erad(8). The superblocks of many logical volumes come
 * before their journals.
 */
static void test_seal_and_witness_of_many_logical_volumes(void **state)
{
	struct witness w;
	struct err err;

	(void)state;
	put_lvs(0, 100, EXT4);
	assert_lvs(0, 0, PV_LVS, WITNESS_PLACES - 2);
	put_lvs(0, 100, XFS);
	assert_lvs(0, 0, PV_LVS, WITNESS_PLACES - 2);
	put_lvs(0, 100, LUKS);
	assert_lvs(0, 0, 31, 6);
	assert_lvs(0, MIB, 31, 6);

	/* For five logical volumes, all places are in the witness. */
	put_lvs(0, 5, EXT4);
	assert_int_equal(witness_take(device_fd, SIZE, 7, &w, &err), 0);
	assert_int_equal(le32toh(w.nr), 2 + 5 * 3);
}

/*
 * Makes a disk with a physical volume of many logical volumes, an ext4, and a second physical
 * volume.
 */
static void put_disk(void)
{
	put_partition(0, 32 * MIB, 256 * MIB);
	put_partition(1, 300 * MIB, 64 * MIB);
	put_partition(2, 400 * MIB, 64 * MIB);
	put_lvs(32 * MIB, PV_LVS, XFS);
	put_ext4(300 * MIB, 2560);
	put_lvs(400 * MIB, 5, EXT4);
}

static void test_many_logical_volumes_leave_space_for_other_partitions_in_a_seal(void **state)
{
	struct seal s;
	struct err err;

	(void)state;
	put_disk();
	take_seal(SIZE, &s);
	flip_bit(300 * MIB + 1024 + 58);
	assert_int_equal(seal_compare(device_fd, SIZE, &s, &err), 1);
	flip_bit(300 * MIB + 1024 + 58);
	assert_seen(&s, 300 * MIB + 1024 + 58, "a superblock");
	assert_seen(&s, 310 * MIB, "the journal of a file system");
	/* The second physical volume is not left out. */
	for (unsigned int i = 0; i < 5; i++)
		assert_seen(&s, lv_at(400 * MIB, i) + 1024, "a superblock");
	/*
	 * Of 62 places, 4 are the starts of the three partitions and the journal of the ext4, and 5
	 * are in the second physical volume. The others are in the first physical volume.
	 */
	assert_non_null(find_entry(&s, SEAL_SUPER, lv_at(32 * MIB, 62 - 4 - 5 - 1)));
	assert_null(find_entry(&s, SEAL_SUPER, lv_at(32 * MIB, 62 - 4 - 5)));
}

static void test_many_logical_volumes_leave_space_for_other_partitions_in_a_witness(void **state)
{
	struct witness w;
	struct err err;

	(void)state;
	put_disk();
	assert_int_equal(witness_take(device_fd, SIZE, 7, &w, &err), 0);
	assert_int_equal(witness_difference(device_fd, &w, &err), 0);
	assert_int_equal(witnessed(&w, 310 * MIB), 1);
	flip_bit(300 * MIB + 1024 + 58);
	assert_int_equal(witness_difference(device_fd, &w, &err), 1);
	flip_bit(300 * MIB + 1024 + 58);
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(witnessed(&w, lv_at(32 * MIB, i)), 1);
		assert_int_equal(witnessed(&w, lv_at(400 * MIB, i)), 1);
	}
}

struct count {
	unsigned int reads, places;
	unsigned int limit;		/* how many places are accepted */
	unsigned int after;		/* number of reads and places after the limit was reached */
	unsigned int reads_of_supers;	/* number of reads before the first journal */
};

static int count_read(void *ctx, uint64_t offset, void *buf, size_t len)
{
	struct count *c = ctx;

	c->reads++;
	c->after += c->places >= c->limit;
	return pread(device_fd, buf, len, offset) == (ssize_t)len ? 0 : -EIO;
}

static bool count_place(void *ctx, enum fs_place what, uint64_t offset, uint64_t len)
{
	struct count *c = ctx;

	(void)offset;
	(void)len;
	c->after += c->places >= c->limit;
	if (what == FS_LOG && !c->reads_of_supers)
		c->reads_of_supers = c->reads;
	return ++c->places < c->limit;
}

static void count_lvs(unsigned int limit, struct count *c)
{
	const struct fs_reader r = { .read = count_read, .add = count_place, .ctx = c };

	*c = (struct count){ .limit = limit };
	lv_places(&r, (uint64_t[]){ 0 }, 1);
}

static void test_nothing_is_read_when_there_is_no_space_for_further_places(void **state)
{
	struct count c;

	(void)state;
	put_lvs(0, PV_LVS, XFS);
	for (unsigned int limit = 1; limit <= PV_LVS + 5; limit++) {
		count_lvs(limit, &c);
		assert_int_equal(c.places, limit);
		assert_int_equal(c.after, 0);
	}
	/*
	 * The reads are: LVM's metadata, each logical volume, and once more the first one, for its
	 * journal.
	 */
	assert_in_range(c.reads_of_supers, PV_LVS, PV_LVS + 5);
	/* Each xfs has three places: its start, and two in the log. */
	count_lvs(1000, &c);
	assert_int_equal(c.places, 3 * PV_LVS);
}

#define T(name)	cmocka_unit_test_setup_teardown(name, seal_device_make, seal_device_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_file_system_in_a_logical_volume_is_sealed),
		T(test_file_system_in_stripes_is_sealed),
		T(test_logical_volume_in_a_partition_is_sealed),
		T(test_seal_and_witness_of_many_logical_volumes),
		T(test_many_logical_volumes_leave_space_for_other_partitions_in_a_seal),
		T(test_many_logical_volumes_leave_space_for_other_partitions_in_a_witness),
		T(test_nothing_is_read_when_there_is_no_space_for_further_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
