// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Identities of devices: a device is recognized after a reboot, a different device is not, and a
 * lasting path is kept.
 */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "devices_sim.h"
#include "common/identity.h"

#define SDA	makedev(8, 0)
#define SDA1	makedev(8, 1)
#define SDB	makedev(8, 16)
#define DM0	makedev(253, 0)
#define LV	"LVM-vgvgvgvgvgvgvgvgvgvgvgvgvgvgvgvglvlvlvlvlvlvlvlvlvlvlvlvlvlvlvlv"

static int set_up(void **state)
{
	(void)state;
	devices_begin();
	devices_add("sda", NULL, SDA);
	devices_add("sda1", "sda", SDA1);
	devices_add("sdb", NULL, SDB);
	devices_add("dm-0", NULL, DM0);
	devices_write("/sys/devices/dm-0/dm/name", "vg-data\n");
	devices_write("/sys/devices/dm-0/dm/uuid", LV "\n");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	devices_end();
	return 0;
}

static struct identity make_identity(const char *dm_uuid, const char *serial, const char *part_uuid)
{
	struct identity i = { .version = htole32(IDENTITY_VERSION), .nr_sectors = htole64(2097152) };

	strcpy(i.dm_uuid, dm_uuid);
	strcpy(i.serial, serial);
	strcpy(i.part_uuid, part_uuid);
	return i;
}

static void assert_match(enum identity_match expected, struct identity was, struct identity now)
{
	assert_int_equal(identity_compare(&was, &now), expected);
}

static void test_identity_is_what_sysfs_shows(void **state)
{
	struct identity i;
	char text[IDENTITY_TEXT];

	(void)state;
	devices_write("/sys/devices/sda/device/wwid", "  naa.5000c500a1b2c3d4  \n");
	devices_write("/sys/devices/sda/serial", "never looked at\n");
	identity_of(SDA, 2097152, &i);
	assert_string_equal(i.serial, "wwid:naa.5000c500a1b2c3d4");
	assert_string_equal(identity_text(&i, text), "wwid:naa.5000c500a1b2c3d4, 1 GiB");
	/* A partition has the serial number of its disk. */
	identity_of(SDA1, 2048, &i);
	assert_string_equal(i.serial, "wwid:naa.5000c500a1b2c3d4");
	identity_of(DM0, 2048, &i);
	assert_string_equal(i.dm_uuid, LV);
	assert_string_equal(i.serial, "");
	assert_string_equal(identity_text(&i, text), "device-mapper UUID " LV ", 1 MiB");
}

static void test_udev_is_asked_only_where_the_kernel_shows_no_serial_number(void **state)
{
	struct identity i;

	(void)state;
	devices_udev(SDB, "Maker_Disk_123");
	identity_of(SDB, 2048, &i);
	assert_string_equal(i.serial, "udev:Maker_Disk_123");
	devices_write("/sys/devices/sdb/serial", "123\n");
	identity_of(SDB, 2048, &i);
	assert_string_equal(i.serial, "serial:123");
}

static void test_device_without_any_has_only_its_size(void **state)
{
	struct identity i, other;
	char text[IDENTITY_TEXT];

	(void)state;
	identity_of(SDB, 2048, &i);
	assert_string_equal(identity_text(&i, text), "1 MiB");
	identity_of(SDA, 2048, &other);
	assert_match(IDENTITY_UNKNOWN, i, other);
	assert_match(IDENTITY_UNKNOWN, i, i);
}

static void test_identity_is_known_if_there_is_one_property(void **state)
{
	const struct identity none = make_identity("", "", ""), all[] = {
		make_identity("LVM-x", "", ""), make_identity("", "serial:x", ""), make_identity("", "", "6b1f-01"),
	};
	/* The UUID of a dm-crypt device without LUKS contains only a name. It proves nothing. */
	const struct identity name = make_identity("CRYPT-PLAIN-x", "", "");

	(void)state;
	assert_false(identity_known(&none));
	assert_false(identity_known(&name));
	for (size_t n = 0; n < sizeof(all) / sizeof(*all); n++)
		assert_true(identity_known(&all[n]));
}

static void test_long_and_strange_values_are_cut_and_printable(void **state)
{
	struct identity i;
	char text[IDENTITY_TEXT], longer[300];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[0] = '\033';
	longer[sizeof(longer) - 1] = 0;
	devices_write("/sys/devices/sdb/serial", longer);
	identity_of(SDB, 2048, &i);
	assert_in_range(strlen(i.serial), 100, sizeof(i.serial) - 1);
	assert_null(strchr(identity_text(&i, text), '\033'));
}

static void test_same_and_other_devices_are_told_apart(void **state)
{
	(void)state;
	assert_match(IDENTITY_SAME, make_identity("LVM-a", "", ""), make_identity("LVM-a", "", ""));
	assert_match(IDENTITY_OTHER, make_identity("LVM-a", "", ""), make_identity("LVM-b", "", ""));
	assert_match(IDENTITY_OTHER, make_identity("LVM-a", "", ""), make_identity("LVM-aa", "", ""));
	/*
	 * A device-mapper device always shows its UUID. So an identity without a UUID is of another
	 * device.
	 */
	assert_match(IDENTITY_OTHER, make_identity("LVM-a", "", ""), make_identity("", "wwid:1", ""));
	assert_match(IDENTITY_OTHER, make_identity("", "wwid:1", ""), make_identity("", "wwid:2", ""));
	assert_match(IDENTITY_SAME, make_identity("", "wwid:1", ""), make_identity("", "wwid:1", ""));
	/*
	 * Tests a copied partition table on another disk, and another partition of the same disk.
	 */
	assert_match(IDENTITY_OTHER, make_identity("", "wwid:1", "p"), make_identity("", "wwid:2", "p"));
	assert_match(IDENTITY_OTHER, make_identity("", "wwid:1", "p"), make_identity("", "wwid:1", "q"));
	assert_match(IDENTITY_SAME, make_identity("", "", "p"), make_identity("", "", "p"));
}

static void test_what_only_one_of_two_has_says_nothing(void **state)
{
	(void)state;
	assert_match(IDENTITY_UNKNOWN, make_identity("", "wwid:1", ""), make_identity("", "", ""));
	assert_match(IDENTITY_UNKNOWN, make_identity("", "", ""), make_identity("LVM-a", "", ""));
	assert_match(IDENTITY_UNKNOWN, make_identity("", "udev:1", ""), make_identity("", "wwid:1", ""));
	assert_match(IDENTITY_SAME, make_identity("", "udev:1", "p"), make_identity("", "wwid:1", "p"));
}

static void test_growth_is_no_other_device(void **state)
{
	struct identity was = make_identity("LVM-a", "", ""), now = was;

	(void)state;
	now.nr_sectors = htole64(1 << 30);
	assert_match(IDENTITY_SAME, was, now);
}

static void test_renamed_crypt_device_is_the_same(void **state)
{
	(void)state;
	assert_match(IDENTITY_SAME, make_identity("CRYPT-LUKS2-0123-old-name", "", ""), make_identity("CRYPT-LUKS2-0123-new", "", ""));
	assert_match(IDENTITY_OTHER, make_identity("CRYPT-LUKS2-0123-name", "", ""), make_identity("CRYPT-LUKS2-4567-name", "", ""));
	/*
	 * The UUID of a plain dm-crypt device contains only the name that the user has given to
	 * cryptsetup.  The user may change the name, so the name proves nothing.
	 */
	assert_match(IDENTITY_UNKNOWN, make_identity("CRYPT-PLAIN-old", "", ""), make_identity("CRYPT-PLAIN-new", "", ""));
	/*
	 * A kernel that does not trust the identifier of a disk shows another kind of identifier.
	 */
	assert_match(IDENTITY_UNKNOWN, make_identity("", "wwid:eui.0025", ""), make_identity("", "wwid:nvme.8086-41", ""));
	assert_match(IDENTITY_SAME, make_identity("", "wwid:eui.0025", "1234-01"), make_identity("", "wwid:nvme.8086-41", "1234-01"));
	assert_match(IDENTITY_OTHER, make_identity("", "wwid:eui.0025", ""), make_identity("", "wwid:eui.0026", ""));
}

static void assert_lasting_path(const char *given, dev_t dev, const char *expected)
{
	char path[200];

	assert_int_equal(identity_lasting_path(given, dev, path, sizeof(path)), 0);
	assert_string_equal(path, expected);
}

static void test_lasting_path_is_the_best_link_of_the_device(void **state)
{
	(void)state;
	devices_udev(SDA1, NULL);
	assert_lasting_path("/dev/sda1", SDA1, "/dev/sda1");
	devices_link("/dev/disk/by-uuid/0123", SDA1);
	devices_link("/dev/disk/by-id/lvm-pv-uuid-x", SDA1);
	assert_lasting_path("/dev/sda1", SDA1, "/dev/sda1");
	devices_link("/dev/disk/by-partuuid/p", SDA1);
	assert_lasting_path("/dev/sda1", SDA1, "/dev/disk/by-partuuid/p");
	devices_link("/dev/disk/by-id/ata-b-part1", SDA1);
	devices_link("/dev/disk/by-id/ata-a-part1", SDA1);
	assert_lasting_path("/dev/sda1", SDA1, "/dev/disk/by-id/ata-a-part1");
	assert_lasting_path("/dev/disk/by-uuid/0123", SDA1, "/dev/disk/by-id/ata-a-part1");
	devices_link("/dev/disk/by-id/wwn-0x1-part1", SDA1);
	assert_lasting_path("/dev/sda1", SDA1, "/dev/disk/by-id/wwn-0x1-part1");
	/* If the given path is lasting, it is kept. */
	assert_lasting_path("/dev/disk/by-partuuid/p", SDA1, "/dev/disk/by-partuuid/p");
}

static void test_link_that_leads_elsewhere_is_not_taken(void **state)
{
	(void)state;
	devices_udev(SDA, NULL);
	devices_link("/dev/disk/by-id/wwn-0x1", SDB);
	assert_lasting_path("/dev/sda", SDA, "/dev/sda");
}

static void test_lasting_path_of_a_logical_volume_is_by_its_uuid(void **state)
{
	(void)state;
	devices_udev(DM0, NULL);
	devices_link("/dev/disk/by-id/dm-name-vg-data", DM0);
	devices_link("/dev/disk/by-id/dm-uuid-" LV, DM0);
	assert_lasting_path("/dev/dm-0", DM0, "/dev/disk/by-id/dm-uuid-" LV);
	assert_lasting_path("/dev/mapper/vg-data", DM0, "/dev/disk/by-id/dm-uuid-" LV);
}

static void test_uuid_and_label_are_no_path_of_an_origin(void **state)
{
	(void)state;
	assert_lasting_path("/dev/disk/by-uuid/0123", SDA1, "/dev/sda1");
	assert_lasting_path("/dev/disk/by-label/data", SDA1, "/dev/sda1");
	devices_node("/dev/mapper/vg-data", DM0);
	assert_lasting_path("/dev/disk/by-uuid/0123", DM0, "/dev/mapper/vg-data");
}

static void test_number_of_a_mapped_device_becomes_its_name(void **state)
{
	(void)state;
	assert_lasting_path("/dev/dm-0", DM0, "/dev/dm-0");
	devices_node("/dev/mapper/vg-data", DM0);
	assert_lasting_path("/dev/dm-0", DM0, "/dev/mapper/vg-data");
}

static void test_path_without_room_is_an_error(void **state)
{
	char path[8];

	(void)state;
	assert_int_equal(identity_lasting_path("/dev/sda", SDA, path, sizeof(path)), -ENAMETOOLONG);
}

#define T(name)	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_identity_is_what_sysfs_shows),
		T(test_udev_is_asked_only_where_the_kernel_shows_no_serial_number),
		T(test_device_without_any_has_only_its_size),
		T(test_identity_is_known_if_there_is_one_property),
		T(test_long_and_strange_values_are_cut_and_printable),
		T(test_same_and_other_devices_are_told_apart),
		T(test_what_only_one_of_two_has_says_nothing),
		T(test_growth_is_no_other_device),
		T(test_renamed_crypt_device_is_the_same),
		T(test_lasting_path_is_the_best_link_of_the_device),
		T(test_link_that_leads_elsewhere_is_not_taken),
		T(test_lasting_path_of_a_logical_volume_is_by_its_uuid),
		T(test_uuid_and_label_are_no_path_of_an_origin),
		T(test_number_of_a_mapped_device_becomes_its_name),
		T(test_path_without_room_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
