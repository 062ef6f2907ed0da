// SPDX-License-Identifier: GPL-2.0-or-later
/* Tests how the devices of images are named and recognized, without device-mapper. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "common/image.h"
#include "common/protocol.h"
#include "common/uuid.h"
#include "erad/ops/image_store.h"

#define UUID	"ERAD-00010203-0405-0607-0809-0a0b0c0d0e0f"

static const char *cut(const char *name, const char *uuid)
{
	static char buf[DM_NAME_LEN];

	strcpy(buf, name);
	image_cut_name(buf, uuid);
	return buf;
}

static void test_name_is_cut_only_for_the_devices_of_an_image(void **state)
{
	(void)state;
	assert_string_equal(cut("data-image", UUID "-image"), "data");
	assert_string_equal(cut("data-image", UUID "-0123456789abcdef-backup-image"), "data");
	assert_string_equal(cut("data-image-origin", UUID "-image-origin"), "data");
	/* A volume's own name may end in -image or -image-origin. */
	assert_string_equal(cut("data-image", UUID), "data-image");
	assert_string_equal(cut("data-image-origin", UUID "-image"), "data-image-origin");
	/* The device was renamed. */
	assert_string_equal(cut("other", UUID "-image"), "other");
	assert_string_equal(cut("data-image", "LVM-image"), "data-image");
	assert_string_equal(cut("-image", UUID "-image"), "-image");
	/* The UUID begins or ends like the UUID of an image, but has another form. */
	assert_string_equal(cut("data-image", "ERAD-image"), "data-image");
	assert_string_equal(cut("data-image", UUID "-x-image"), "data-image");
	assert_string_equal(cut("data-image", UUID "-0123456789abcdef-together-image"), "data");
	assert_string_equal(cut("data-image", UUID "-backup-image"), "data-image");
	assert_string_equal(cut("data-image", UUID "-0123456789abcde-backup-image"), "data-image");
	assert_string_equal(cut("data-image", UUID "-0123456789abcdeg-backup-image"), "data-image");
	assert_string_equal(cut("data-image-origin", "ERAD-0-image-origin"), "data-image-origin");
}

static void test_origin_is_told_from_a_store_by_the_whole_uuid_of_its_holder(void **state)
{
	(void)state;
	assert_true(image_uuid_on_origin(UUID));
	assert_true(image_uuid_on_origin(UUID "-image-origin"));
	assert_true(image_uuid_on_origin(UUID "-image"));
	assert_true(image_uuid_on_origin(UUID "-0123456789abcdef-backup-image"));
	assert_false(image_uuid_on_origin(UUID "-image-store"));
	assert_false(image_uuid_on_origin(UUID "0"));
	assert_false(image_uuid_on_origin("ERAD-"));
	assert_false(image_uuid_on_origin("ERAD-00010203-0405-0607-0809-0a0b0c0d0e0"));
	assert_false(image_uuid_on_origin("ERAD-00010203-0405-0607-0809x0a0b0c0d0e0f"));
	assert_true(image_uuid_is_store(UUID "-image-store"));
	assert_false(image_uuid_is_store(UUID));
	assert_false(image_uuid_is_store("ERAD-image-store"));
	assert_true(uuid_dm_is_volume(UUID));
	assert_false(uuid_dm_is_volume(UUID "-image-origin"));
}

#define MIB	(1ull << 20)
#define TIB	(1ull << 40)

static void test_store_leaves_a_tenth_or_a_gibibyte_free(void **state)
{
	(void)state;
	assert_true(image_store_fits(900 * MIB, 1000 * MIB, 1000 * MIB));
	assert_false(image_store_fits(900 * MIB + 1, 1000 * MIB, 1000 * MIB));
	assert_false(image_store_fits(64 * MIB, 163 * MIB, 1000 * MIB));
	assert_true(image_store_fits(TIB, TIB + 1024 * MIB, 100 * TIB));
	assert_false(image_store_fits(TIB, TIB + 1024 * MIB - 1, 100 * TIB));
	/* the store would need more than is free */
	assert_false(image_store_fits(2, 1, 0));
	assert_false(image_store_fits(UINT64_MAX, 1000 * MIB, 1000 * MIB));
}

static void test_images_of_two_backups_have_two_uuids(void **state)
{
	char first[IMAGE_NUMBER_SIZE], second[IMAGE_NUMBER_SIZE], kind[IMAGE_KIND_SIZE], uuid[DM_UUID_LEN];

	(void)state;
	assert_int_equal(image_draw_number(first), 0);
	assert_int_equal(image_draw_number(second), 0);
	assert_string_not_equal(first, second);
	assert_true(image_is_number(first));
	image_numbered_kind(first, IMAGE_BACKUP_SUFFIX, kind);
	snprintf(uuid, sizeof(uuid), UUID "-%s-backup-image", first);
	assert_string_equal(kind, uuid + strlen(UUID));
	assert_string_equal(cut("data-image", uuid), "data");
}

static void test_number_of_an_image_is_16_digits(void **state)
{
	(void)state;
	assert_true(image_is_number("0123456789abcdef"));
	assert_false(image_is_number("0123456789abcde"));
	assert_false(image_is_number("0123456789abcdef0"));
	assert_false(image_is_number("0123456789abcdeF"));
	assert_false(image_is_number("0123456789abcdef-"));
	assert_false(image_is_number(""));
}

static void test_longest_name_of_a_volume_has_room_for_the_suffixes(void **state)
{
	static const char *const suffixes[] = { IMAGE_SUFFIX, IMAGE_ORIGIN_SUFFIX, IMAGE_STORE_SUFFIX };
	char volume[ERAD_NAME_MAX + 1], name[DM_NAME_LEN], expected[2 * DM_NAME_LEN];

	(void)state;
	memset(volume, 'x', ERAD_NAME_MAX);
	volume[ERAD_NAME_MAX] = 0;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		snprintf(expected, sizeof(expected), "%s%s", volume, suffixes[i]);
		image_name(volume, suffixes[i], name);
		assert_string_equal(name, expected);
	}
}

static void test_origin_without_an_image_is_the_origin(void **state)
{
	const dev_t none = makedev(1000, 77);

	(void)state;
	assert_false(image_is_origin(0));
	assert_false(image_is_origin(none));
	assert_true(image_beneath(none) == none);
	assert_true(image_beneath(0) == 0);
}

static void test_each_state_with_an_image_has_a_name(void **state)
{
	(void)state;
	assert_null(image_state_name(IMAGE_NONE));
	assert_string_equal(image_state_name(IMAGE_VALID), "valid");
	assert_string_equal(image_state_name(IMAGE_INVALID), "invalid");
	assert_string_equal(image_state_name(IMAGE_INTERRUPTED), "interrupted");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name_is_cut_only_for_the_devices_of_an_image),
		cmocka_unit_test(test_origin_is_told_from_a_store_by_the_whole_uuid_of_its_holder),
		cmocka_unit_test(test_store_leaves_a_tenth_or_a_gibibyte_free),
		cmocka_unit_test(test_images_of_two_backups_have_two_uuids),
		cmocka_unit_test(test_number_of_an_image_is_16_digits),
		cmocka_unit_test(test_longest_name_of_a_volume_has_room_for_the_suffixes),
		cmocka_unit_test(test_origin_without_an_image_is_the_origin),
		cmocka_unit_test(test_each_state_with_an_image_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
