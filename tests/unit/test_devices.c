// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests which devices are below a device or a file, who uses a device, and which metadata is
 * refused, with a stand-in for sysfs and mounts.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "devices_sim.h"
#include "erad/device/holders.h"
#include "erad/device/mounts.h"
#include "erad/device/probe.h"
#include "erad/device/stack.h"
#include "common/sysfs.h"

#define SDA	makedev(8, 0)
#define SDA1	makedev(8, 1)
#define SDB	makedev(8, 16)
#define DM0	makedev(253, 0)
#define LOOP0	makedev(7, 0)
#define BTRFS	makedev(0, 40)
#define OVERLAY	makedev(0, 50)
#define TMPFS	makedev(0, 60)

static struct stack *stack;

/* Makes sda with a partition, sdb, and a device-mapper device on the partition. */
static int set_up(void **state)
{
	(void)state;
	devices_begin();
	devices_add("sda", NULL, SDA);
	devices_add("sda1", "sda", SDA1);
	devices_add("sdb", NULL, SDB);
	devices_add("dm-0", NULL, DM0);
	devices_write("/sys/devices/dm-0/dm/name", "vg-data\n");
	devices_stack("dm-0", "sda/sda1");
	stack = calloc(1, sizeof(*stack));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(stack);
	devices_end();
	return 0;
}

static void write_mounts(const char *line)
{
	devices_write("/proc/self/mountinfo", line);
}

static void in_use(dev_t dev, const char *by)
{
	struct err who;

	assert_true(probe_in_use(dev, NULL, &who));
	assert_string_equal(who.msg, by);
}

static void add_file(const char *path)
{
	struct err err;

	if (stack_add_file(stack, path, &err))
		fail_msg("%s", err.msg);
}

static void test_device_stands_on_slaves_partitions_and_their_disk(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(stack_add_device(stack, DM0, &err), 0);
	assert_true(stack_has_device(stack, DM0));
	assert_true(stack_has_device(stack, SDA1));
	assert_true(stack_has_device(stack, SDA));
	assert_false(stack_has_device(stack, SDB));
	assert_null(stack->volatile_why);
}

static void test_loop_device_stands_on_its_file(void **state)
{
	struct err err;

	(void)state;
	devices_add("loop0", NULL, LOOP0);
	devices_write("/sys/devices/loop0/loop/backing_file", "/mnt/image\n");
	devices_file("/mnt/image", SDB, 77, 30, false);
	assert_int_equal(stack_add_device(stack, LOOP0, &err), 0);
	assert_true(stack_has_file(stack, SDB, 77));
	assert_true(stack_has_device(stack, SDB));
}

static void test_ram_disk_is_not_lasting(void **state)
{
	struct err err;

	(void)state;
	devices_add("zram0", NULL, makedev(252, 0));
	assert_int_equal(probe_lasting("/dev/zram0", &err), -EINVAL);
	assert_string_equal(err.msg,
			    "metadata /dev/zram0 is in memory and not on a disk, so it would be lost with the next boot; choose a block device or a file on a disk");
	assert_int_equal(probe_lasting("/dev/sdb", &err), 0);
}

static void test_more_devices_than_are_followed_are_an_error(void **state)
{
	struct err err;

	(void)state;
	for (unsigned int i = 0; i < STACK_MAX; i++)
		stack->dev[stack->nr++] = makedev(9, i);
	assert_int_equal(stack_add_device(stack, SDA, &err), -E2BIG);
}

static void test_mounted_partition_and_swap_are_in_use(void **state)
{
	struct err who;

	(void)state;
	assert_false(probe_in_use(SDB, NULL, &who));
	write_mounts("30 1 8:1 / /mnt/with\\040space rw shared:1 master:2 - ext4 /dev/sda1 rw\n");
	devices_write("/proc/swaps", "/dev/sdb\\040(deleted)\tpartition\t1\t0\t-2\n/dev/sdb  partition\t1\t0\t-2\n");
	in_use(SDA1, "mounted on /mnt/with space (ext4)");
	in_use(SDA, "partition sda1: mounted on /mnt/with space (ext4)");
	in_use(SDB, "used for swap");
	assert_false(probe_in_use(DM0, NULL, &who));
}

static void test_places_of_other_file_systems_are_not_looked_up(void **state)
{
	struct err who;

	(void)state;
	/*
	 * The source of a file system in user space may be a directory, and swap space may be a
	 * file.
	 */
	write_mounts("30 1 0:40 / /mnt/all rw - fuse.mergerfs " DEVICES_HUNG "a rw\n");
	devices_write("/proc/swaps", DEVICES_HUNG "swap  file\t1\t0\t-2\n");
	assert_false(probe_in_use(SDB, NULL, &who));
}

static void test_holder_is_named(void **state)
{
	(void)state;
	in_use(SDA1, "held by dm-0 (/dev/mapper/vg-data)");
	devices_add("md0", NULL, makedev(9, 0));
	devices_stack("md0", "sdb");
	in_use(SDB, "held by md0");
}

#define UUID_TEXT	"ERAD-01020304-0506-0708-090a-0b0c0d0e0f10"

static const uint8_t volume_uuid[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

/* Makes a mapped device on sda.  uuid: its UUID in device-mapper. */
static void add_holder(unsigned int nr, const char *name, const char *uuid)
{
	char kernel_name[16], path[64], text[DM_NAME_SIZE + 1];

	snprintf(kernel_name, sizeof(kernel_name), "dm-%u", nr);
	devices_add(kernel_name, NULL, makedev(253, nr));
	devices_stack(kernel_name, "sda");
	snprintf(path, sizeof(path), "/sys/devices/%s/dm/name", kernel_name);
	snprintf(text, sizeof(text), "%s\n", name);
	devices_write(path, text);
	snprintf(path, sizeof(path), "/sys/devices/%s/dm/uuid", kernel_name);
	snprintf(text, sizeof(text), "%s\n", uuid);
	devices_write(path, text);
}

static const struct holders_own none;

static void holders_are(const char *expected)
{
	const struct holders_own own = { .volume = makedev(253, 1) };
	char text[HOLDERS_TEXT];
	struct err err;

	if (holders_find(SDA, &own, volume_uuid, text, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(text, expected);
}

static void test_holders_other_than_the_volume_and_its_image_are_found(void **state)
{
	char long_name[DM_NAME_SIZE];

	(void)state;
	holders_are("");
	/*
	 * These are no holders: the volume itself, whose device has another UUID, and the devices
	 * of its image.
	 */
	add_holder(1, "data", "");
	add_holder(2, "data-image-origin", UUID_TEXT "-image-origin");
	add_holder(3, "data-image", UUID_TEXT "-0123456789abcdef-backup-image");
	holders_are("");
	/* A device of the image of another volume. holders_find() cuts its name. */
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = 0;
	add_holder(4, long_name, "ERAD-01020304-0506-0708-090a-0b0c0d0e0f11-image");
	holders_are("/dev/mapper/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
}

static void test_the_volumes_device_is_a_holder_if_it_has_no_target_of_erad(void **state)
{
	char text[HOLDERS_TEXT];

	(void)state;
	add_holder(1, "data", UUID_TEXT);
	holders_are("");
	assert_int_equal(holders_find(SDA, &none, volume_uuid, text, NULL), 0);
	assert_string_equal(text, "/dev/mapper/data");
}

static void test_an_image_that_is_being_removed_is_no_other_holder(void **state)
{
	(void)state;
	add_holder(2, "data-image-origin", UUID_TEXT "-image-origin");
	add_holder(3, "data-image", UUID_TEXT "-image");
	/* The kernel is removing the image, so its attributes cannot be read. */
	devices_unreadable("/sys/devices/dm-3/dm/name");
	devices_unreadable("/sys/devices/dm-3/dm/uuid");
	holders_are("");
	/* There is no image now, so the device that is being removed may be any device. */
	devices_unreadable("/sys/devices/dm-2/dm/uuid");
	holders_are("/dev/mapper/data-image-origin and 1 other");
}

static void test_an_image_that_erad_is_removing_is_no_other_holder(void **state)
{
	struct holders_own own = { .leaving_image = makedev(253, 3), .leaving_image_origin = makedev(253, 2) };
	char text[HOLDERS_TEXT];

	(void)state;
	/* A create that failed early has made NAME-image, but not NAME-image-origin. */
	add_holder(3, "data-image", UUID_TEXT "-image");
	devices_unreadable("/sys/devices/dm-3/dm/name");
	devices_unreadable("/sys/devices/dm-3/dm/uuid");
	assert_int_equal(holders_find(SDA, &own, volume_uuid, text, NULL), 0);
	assert_string_equal(text, "");
	/* The kernel is removing both devices of the image. */
	add_holder(2, "data-image-origin", UUID_TEXT "-image-origin");
	devices_unreadable("/sys/devices/dm-2/dm/name");
	devices_unreadable("/sys/devices/dm-2/dm/uuid");
	assert_int_equal(holders_find(SDA, &own, volume_uuid, text, NULL), 0);
	assert_string_equal(text, "");
	/* An earlier drop has begun to remove NAME-image. */
	own.leaving_image = 0;
	assert_int_equal(holders_find(SDA, &own, volume_uuid, text, NULL), 0);
	assert_string_equal(text, "");
	/* Another device has the number of a device that erad has removed. */
	own.leaving_image = makedev(253, 4);
	add_holder(4, "vg-a", "LVM-x");
	assert_int_equal(holders_find(SDA, &own, volume_uuid, text, NULL), 0);
	assert_string_equal(text, "/dev/mapper/vg-a");
}

static void test_holders_are_counted(void **state)
{
	char text[HOLDERS_TEXT];

	(void)state;
	add_holder(5, "vg-a", "LVM-x");
	add_holder(6, "vg-a", "LVM-y");
	holders_are("/dev/mapper/vg-a and 1 other");
	devices_add("md0", NULL, makedev(9, 0));
	devices_stack("md0", "sdb");
	assert_int_equal(holders_find(SDB, &none, volume_uuid, text, NULL), 0);
	assert_string_equal(text, "/dev/md0");
	/* The device of this number does not exist any more. */
	assert_int_equal(holders_find(makedev(99, 1), &none, volume_uuid, text, NULL), 0);
	assert_string_equal(text, "");
}

/* Makes the loop device /dev/loop<nr> on a file. */
static void add_loop(unsigned int nr, const char *file, const char *read_only, const char *written)
{
	char name[16], path[64], text[160];

	snprintf(name, sizeof(name), "loop%u", nr);
	devices_add(name, NULL, makedev(7, nr));
	snprintf(path, sizeof(path), "/sys/block/%s/dev", name);
	snprintf(text, sizeof(text), "7:%u\n", nr);
	devices_write(path, text);
	snprintf(path, sizeof(path), "/sys/devices/%s/loop/backing_file", name);
	devices_write(path, file);
	snprintf(path, sizeof(path), "/sys/devices/%s/ro", name);
	devices_write(path, read_only);
	snprintf(path, sizeof(path), "/sys/devices/%s/stat", name);
	snprintf(text, sizeof(text), "1 0 8 0 0 0 %s 0 0 0 0 0 0 0\n", written);
	devices_write(path, text);
}

static void test_loop_devices_on_the_origin_are_found(void **state)
{
	char text[HOLDERS_TEXT];

	(void)state;
	add_loop(1, "/dev/sdb\n", "0\n", "0");
	add_loop(2, DEVICES_HUNG "/sda\n", "0\n", "0");
	add_loop(3, "/dev/sda\n", "1\n", "0");
	/* A loop device without a file. */
	devices_add("loop4", NULL, makedev(7, 4));
	devices_write("/sys/block/loop4/dev", "7:4\n");
	/* Another device of a similar name. */
	devices_write("/sys/block/sdb/dev", "8:16\n");
	holders_are("");
	add_loop(5, "/dev/sda\n", "0\n", "0");
	holders_are("/dev/loop5");
	/* The partition of the origin, and the whole disk if the origin is a partition. */
	assert_int_equal(holders_find(SDA1, &none, volume_uuid, text, NULL), 0);
	assert_string_equal(text, "/dev/mapper/vg-data and 1 other");
	add_loop(6, "/dev/sda1\n", "0\n", "0");
	devices_removed("/sys/devices/loop5/loop/backing_file");
	holders_are("/dev/loop6");
	devices_removed("/sys/devices/loop6/loop/backing_file");
	holders_are("");
	/* A read-only loop device that was written. */
	add_loop(7, "/dev/sda\n", "1\n", "8");
	holders_are("/dev/loop7");
}

static void test_loop_devices_that_cannot_be_listed_are_an_error(void **state)
{
	char text[HOLDERS_TEXT];
	struct err err;

	(void)state;
	/* /sys/block is a file, and not a directory. */
	devices_write("/sys/block", "");
	assert_int_equal(holders_find(SDA, &none, volume_uuid, text, &err), -ENOTDIR);
	assert_string_equal(err.msg, "cannot find out whether a loop device uses the origin: /sys/block: Not a directory");
}

static void test_lines_that_are_no_mounts_are_passed_over(void **state)
{
	struct mounts t;
	struct mount m;

	(void)state;
	write_mounts("\n30\n31 1 8:1 / /a rw - ext4\n32 1 8:1 / /\\999 rw - ext4 /dev/sda1 rw\n33 1 x / /a rw - ext4 /dev/sda1 rw\n"
	       "34 1 8:16 /sub /b rw - xfs /dev/sdb rw,x=1\n");
	mounts_open(&t);
	assert_true(mounts_next(&t, &m));
	assert_int_equal(m.id, 34);
	assert_int_equal(m.dev, SDB);
	assert_string_equal(m.root, "/sub");
	assert_string_equal(m.where, "/b");
	assert_string_equal(m.type, "xfs");
	assert_string_equal(m.source, "/dev/sdb");
	assert_string_equal(m.options, "rw,x=1");
	assert_false(mounts_next(&t, &m));
	mounts_close(&t);
}

static void test_a_device_is_not_unused_if_a_table_of_its_users_cannot_be_read(void **state)
{
	struct err err;

	(void)state;
	assert_false(probe_in_use(SDB, NULL, &err));
	devices_no_directory("/sys/devices/sdb/holders");
	in_use(SDB, "it may be in use, because /sys/dev/block/8:16/holders cannot be read: Not a directory");
	devices_unreadable("/proc/swaps");
	devices_file("/", SDB, 2, 1, false);
	in_use(SDA, "it may be used for swap, because /proc/swaps cannot be read: Is a directory");
	assert_int_equal(probe_boot_vg("LVM-x", &err), -EISDIR);
	assert_string_equal(err.msg, "cannot read /proc/swaps to find out whether swap lies on the volume group: Is a directory");
	devices_unreadable("/proc/self/mountinfo");
	in_use(SDA, "it may be mounted, because /proc/self/mountinfo cannot be read: Is a directory");
	devices_file("/pool/metadata", BTRFS, 5, 40, false);
	assert_int_equal(stack_add_file(stack, "/pool/metadata", &err), -EISDIR);
	assert_string_equal(err.msg, "cannot read /proc/self/mountinfo to find the device of /pool/metadata: Is a directory");
}

static void test_option_is_found_by_its_whole_name_and_unescaped(void **state)
{
	struct mount m = {
		.options = "rw,lowerdir=/l/upperdir=x,xupperdir=/no,upperdir,upperdir=/a\\054b\\040c,workdir=/w,last=",
	};
	char value[10];

	(void)state;
	assert_false(mount_option(&m, "upper", value, sizeof(value)));
	assert_false(mount_option(&m, "upperdir", value, sizeof(value)));
	m.options = "lowerdir=/l/upperdir=x,upperdir=/\\054\\040,last=";
	assert_true(mount_option(&m, "upperdir", value, sizeof(value)));
	assert_string_equal(value, "/, ");
	assert_true(mount_option(&m, "last", value, sizeof(value)));
	assert_string_equal(value, "");
}

/* A btrfs has two devices.  The mount table names one of them, whose node has a space in its name. */
static void begin_btrfs(void)
{
	devices_node("/dev/mapper/a b#c", DM0);
	write_mounts("40 1 0:40 / /pool rw - btrfs /dev/mapper/a\\040b\\043c rw,subvol=/\n");
	devices_write("/sys/fs/btrfs/UUID/devices/dm-0/dev", "253:0\n");
	devices_write("/sys/fs/btrfs/UUID/devices/sdb/dev", "8:16\n");
	devices_write("/sys/fs/btrfs/features/x", "");
	devices_file("/pool/file", BTRFS, 257, 40, false);
}

static void test_btrfs_whose_node_is_escaped_in_the_mount_table_stands_on_all_its_devices(void **state)
{
	(void)state;
	begin_btrfs();
	add_file("/pool/file");
	assert_true(stack_has_device(stack, DM0));
	assert_true(stack_has_device(stack, SDB));
	assert_true(stack_has_device(stack, SDA));
}

static void test_btrfs_whose_node_is_escaped_in_the_mount_table_is_mounted(void **state)
{
	(void)state;
	begin_btrfs();
	in_use(DM0, "mounted on /pool (btrfs)");
}

static void test_metadata_on_a_btrfs_whose_node_is_escaped_is_refused_for_its_devices(void **state)
{
	struct err err;

	(void)state;
	begin_btrfs();
	assert_int_equal(probe_apart("/pool/file", "/dev/sdb", SDB, &err), -EDEADLK);
	assert_string_equal(err.msg,
			    "metadata /pool/file lies on /dev/sdb, the device to be tracked: writes would wait for themselves; choose another place for the metadata");
}

/* An overlay; the upper layer is on sdb or in memory. */
static void begin_overlay(bool in_memory)
{
	dev_t dev = in_memory ? TMPFS : SDB;

	write_mounts("50 1 0:50 / /merged rw - overlay overlay rw,lowerdir=/low/upperdir=x,upperdir=/up/a\\134\\054b,workdir=/w\n");
	devices_file("/up/a,b/", dev, 2, 51, in_memory);
	devices_file("/merged/copied/file", OVERLAY, 100, 50, false);
	devices_file("/up/a,b/copied/file", dev, 3, 51, in_memory);
	devices_file("/merged/lower/", OVERLAY, 101, 50, false);
}

static void test_file_of_an_overlay_is_that_of_the_upper_layer(void **state)
{
	(void)state;
	begin_overlay(false);
	add_file("/merged/copied/file");
	assert_true(stack_has_file(stack, SDB, 3));
	assert_true(stack_has_device(stack, SDB));
	assert_null(stack->volatile_why);
}

static void test_file_of_a_lower_layer_stands_on_the_upper_layer(void **state)
{
	(void)state;
	begin_overlay(false);
	add_file("/merged/lower");
	assert_true(stack_has_device(stack, SDB));
}

static void test_metadata_on_an_overlay_in_memory_is_not_lasting(void **state)
{
	struct err err;

	(void)state;
	begin_overlay(true);
	assert_int_equal(probe_lasting("/merged/copied/file", &err), -EINVAL);
	assert_int_equal(probe_lasting("/merged/lower/new", &err), -EINVAL);
	assert_string_equal(err.msg,
			    "metadata /merged/lower/new is in memory and not on a disk, so it would be lost with the next boot; choose a block device or a file on a disk");
}

static void test_metadata_that_the_tracked_device_stands_on_is_refused(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(probe_apart("/dev/sda1", "/dev/mapper/vg-data", DM0, &err), -EDEADLK);
	assert_string_equal(err.msg,
			    "/dev/mapper/vg-data, the device to be tracked, lies on its own metadata /dev/sda1; choose another place for the metadata");
	assert_int_equal(probe_apart("/dev/sdb", "/dev/mapper/vg-data", DM0, &err), 0);
}

static void test_store_on_any_volume_is_refused(void **state)
{
	struct err err;

	(void)state;
	devices_file("/mnt/store", DM0, 5, 30, false);
	devices_file("/elsewhere/store", SDA, 6, 31, false);
	devices_add("dm-1", NULL, makedev(253, 1));
	devices_write("/sys/devices/dm-1/dm/name", "vg-upper\n");
	devices_stack("dm-1", "dm-0");
	assert_int_equal(probe_store_apart("/mnt/store", "/dev/sdb", SDB, &err), 0);
	devices_write("/sys/devices/dm-0/dm/uuid", "ERAD-00010203-0405-0607-0809-0a0b0c0d0e0f\n");
	assert_int_equal(probe_store_apart("/mnt/store", "/dev/sdb", SDB, &err), -EDEADLK);
	assert_string_equal(err.msg,
			    "the copy-on-write store at /mnt/store would lie on volume vg-data, and writes of the two volumes might wait for each other; name a place that lies on no volume of erad with --cow");
	assert_int_equal(probe_store_apart("/dev/dm-1", "/dev/sdb", SDB, &err), -EDEADLK);
	/* This file lies on sda, which is below the volume vg-data, and not on it. */
	assert_int_equal(probe_store_apart("/elsewhere/store", "/dev/sdb", SDB, &err), 0);
}

#define VG	"LVM-0123456789abcdef0123456789abcdef"
#define LV	VG "fedcba9876543210fedcba9876543210"

/* Checks that a volume group is refused, because `what` lies on its logical volume vg-data. */
static void boot_vg(const char *what)
{
	char expected[200];
	struct err err;

	assert_int_equal(probe_boot_vg(LV, &err), -EOPNOTSUPP);
	snprintf(expected, sizeof(expected), "%s lies on /dev/mapper/vg-data, a logical volume of the same volume group: ", what);
	assert_int_equal(strncmp(err.msg, expected, strlen(expected)), 0);
	/* another volume group */
	assert_int_equal(probe_boot_vg("LVM-1123456789abcdef0123456789abcdef0000", &err), 0);
}

static void test_volume_group_of_the_root_file_system_is_found(void **state)
{
	(void)state;
	devices_write("/sys/devices/dm-0/dm/uuid", VG "00000000000000000000000000000000\n");
	devices_file("/", DM0, 2, 1, false);
	boot_vg("the root file system");
}

static void test_volume_group_of_usr_is_found(void **state)
{
	(void)state;
	devices_write("/sys/devices/dm-0/dm/uuid", VG "00000000000000000000000000000000\n");
	devices_file("/", SDB, 2, 1, false);
	devices_file("/usr/", DM0, 2, 2, false);
	boot_vg("/usr");
}

static void test_volume_group_of_encrypted_swap_is_found(void **state)
{
	struct err err;

	(void)state;
	devices_write("/sys/devices/dm-0/dm/uuid", VG "00000000000000000000000000000000\n");
	devices_file("/", SDB, 2, 1, false);
	assert_int_equal(probe_boot_vg(LV, &err), 0);
	devices_add("dm-1", NULL, makedev(253, 1));
	devices_stack("dm-1", "dm-0");
	devices_write("/proc/swaps", "/dev/dm-1  partition\t1\t0\t-2\n");
	boot_vg("swap");
}

static void test_node_and_name_of_a_device(void **state)
{
	char node[NODE_PATH_SIZE], name[DM_NAME_SIZE];

	(void)state;
	devices_add("cciss!c0d0", NULL, makedev(104, 0));
	assert_int_equal(dm_node(makedev(104, 0), node), 0);
	assert_string_equal(node, "/dev/cciss/c0d0");
	assert_int_equal(dm_node(makedev(1, 1), node), -ENOENT);
	assert_int_equal(dm_name(DM0, name), 0);
	assert_string_equal(name, "vg-data");
	assert_int_equal(dm_name(SDB, name), -ENOENT);
}

#define T(name)	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_device_stands_on_slaves_partitions_and_their_disk),
		T(test_loop_device_stands_on_its_file),
		T(test_ram_disk_is_not_lasting),
		T(test_more_devices_than_are_followed_are_an_error),
		T(test_mounted_partition_and_swap_are_in_use),
		T(test_places_of_other_file_systems_are_not_looked_up),
		T(test_holder_is_named),
		T(test_holders_other_than_the_volume_and_its_image_are_found),
		T(test_the_volumes_device_is_a_holder_if_it_has_no_target_of_erad),
		T(test_an_image_that_is_being_removed_is_no_other_holder),
		T(test_an_image_that_erad_is_removing_is_no_other_holder),
		T(test_holders_are_counted),
		T(test_loop_devices_on_the_origin_are_found),
		T(test_loop_devices_that_cannot_be_listed_are_an_error),
		T(test_lines_that_are_no_mounts_are_passed_over),
		T(test_a_device_is_not_unused_if_a_table_of_its_users_cannot_be_read),
		T(test_option_is_found_by_its_whole_name_and_unescaped),
		T(test_btrfs_whose_node_is_escaped_in_the_mount_table_stands_on_all_its_devices),
		T(test_btrfs_whose_node_is_escaped_in_the_mount_table_is_mounted),
		T(test_metadata_on_a_btrfs_whose_node_is_escaped_is_refused_for_its_devices),
		T(test_file_of_an_overlay_is_that_of_the_upper_layer),
		T(test_file_of_a_lower_layer_stands_on_the_upper_layer),
		T(test_metadata_on_an_overlay_in_memory_is_not_lasting),
		T(test_metadata_that_the_tracked_device_stands_on_is_refused),
		T(test_store_on_any_volume_is_refused),
		T(test_volume_group_of_the_root_file_system_is_found),
		T(test_volume_group_of_usr_is_found),
		T(test_volume_group_of_encrypted_swap_is_found),
		T(test_node_and_name_of_a_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
