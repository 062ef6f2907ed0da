// SPDX-License-Identifier: GPL-2.0-or-later
/* Content identities: what is at the start of a device is recognized, with its UUID. */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/content_id.h"

#define SIZE	(128u << 10)

/* Each kind: its magic as it is documented elsewhere, and the place of its UUID. */
static const struct {
	enum content_kind kind;
	uint32_t magic_at, magic_len;
	const char *magic;
	uint32_t id_at, id_len;
	const char *text;
} known[] = {
	{ CONTENT_LUKS, 0, 6, "LUKS\xba\xbe", 168, 40, "LUKS with UUID abcdefgh…" },
	{ CONTENT_XFS, 0, 4, "XFSB", 32, 16, "xfs with UUID 61626364…" },
	{ CONTENT_BTRFS, 65600, 8, "_BHRfS_M", 65568, 16, "btrfs with UUID 61626364…" },
	{ CONTENT_EXT, 1080, 2, "\x53\xef", 1128, 16, "ext4 with UUID 61626364…" },
	{ CONTENT_F2FS, 1024, 4, "\x10\x20\xf5\xf2", 1132, 16, "f2fs with UUID 61626364…" },
	{ CONTENT_PV, 512, 8, "LABELONE", 544, 32, "LVM with UUID abcdefgh…" },
	{ CONTENT_MD, 4096, 4, "\xfc\x4e\x2b\xa9", 4112, 16, "md with UUID 61626364…" },
	{ CONTENT_SWAP, 4086, 10, "SWAPSPACE2", 1036, 16, "swap with UUID 61626364…" },
	{ CONTENT_GPT, 512, 8, "EFI PART", 568, 16, "a GPT with UUID 64636261…" },
	{ CONTENT_EXFAT, 3, 8, "EXFAT   ", 100, 4, "exfat with UUID 64636261…" },
	{ CONTENT_NTFS, 3, 8, "NTFS    ", 72, 8, "NTFS with UUID 68676665…" },
	{ CONTENT_FAT, 82, 5, "FAT32", 67, 4, "FAT with UUID 64636261…" },
	{ CONTENT_MBR, 510, 2, "\x55\xaa", 440, 4, "an MBR with UUID 64636261…" },
};

static int fd;

static void put(uint64_t at, const void *bytes, size_t len)
{
	assert_int_equal(pwrite(fd, bytes, len, at), len);
}

static struct content_id look(void)
{
	struct content_id c;

	assert_int_equal(content_id_read(fd, &c), 0);
	return c;
}

static int set_up(void **state)
{
	(void)state;
	fd = memfd_create("device", MFD_CLOEXEC);
	return fd < 0 || ftruncate(fd, SIZE);
}

static int tear_down(void **state)
{
	(void)state;
	return close(fd);
}

static void test_each_kind_is_recognized_and_differs_by_its_uuid_only(void **state)
{
	char text[CONTENT_ID_TEXT], zeros[72 << 10] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		struct content_id first, now;

		put(0, zeros, sizeof(zeros));
		put(known[i].id_at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN", known[i].id_len);
		put(known[i].magic_at, known[i].magic, known[i].magic_len);
		first = look();
		assert_int_equal(le32toh(first.kind), known[i].kind);
		assert_string_equal(content_id_text(&first, text), known[i].text);
		/* A write to another byte is no change. */
		put(known[i].id_at + known[i].id_len, "x", 1);
		now = look();
		assert_false(content_id_differs(&first, &now));
		/* The last byte of the UUID counts. */
		put(known[i].id_at + known[i].id_len - 1, "!", 1);
		now = look();
		assert_true(content_id_differs(&first, &now));
		put(known[i].magic_at, zeros, known[i].magic_len);
		now = look();
		assert_true(content_id_differs(&first, &now));
		assert_string_equal(content_id_text(&now, text), "no known content");
	}
}

static void test_what_is_not_known_does_not_differ(void **state)
{
	struct content_id none = look(), other = none;
	const struct content_id unread = { 0 };

	(void)state;
	assert_int_equal(le32toh(none.kind), CONTENT_NONE);
	assert_false(content_id_differs(&none, &other));
	assert_false(content_id_differs(&none, &unread));
	assert_false(content_id_differs(&unread, &none));
}

/* Random content has the 2 bytes of the magic of ext4 now and then. */
static void test_magic_of_ext4_alone_is_no_ext4(void **state)
{
	(void)state;
	put(1024 + 56, "\x53\xef", 2);
	put(1024 + 76, "\x02", 1);
	assert_int_equal(le32toh(look().kind), CONTENT_NONE);
	put(1024 + 76, "\x01", 1);
	put(1024 + 24, "\x07", 1);
	assert_int_equal(le32toh(look().kind), CONTENT_NONE);
	put(1024 + 24, "\x02", 1);
	assert_int_equal(le32toh(look().kind), CONTENT_EXT);
}

static void test_small_device_and_failed_read(void **state)
{
	struct content_id c;

	(void)state;
	assert_int_equal(ftruncate(fd, 1536), 0);
	put(0, "XFSB", 4);
	assert_int_equal(le32toh(look().kind), CONTENT_XFS);
	assert_int_equal(content_id_read(-1, &c), -EBADF);
	assert_int_equal(le32toh(c.kind), CONTENT_NOT_READ);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_kind_is_recognized_and_differs_by_its_uuid_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_not_known_does_not_differ, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_magic_of_ext4_alone_is_no_ext4, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_small_device_and_failed_read, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
