// SPDX-License-Identifier: GPL-2.0-or-later
/* The label of a physical volume of LVM: found in each of the first four sectors, and nowhere else. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/files.h"
#include "common/pv_label.h"

#define UUID	"0123456789abcdefghijABCDEFGHIJ+-"

static char path[] = "/var/tmp/erad-label-XXXXXX";

/*
 * Writes a file of eight sectors with a label in this sector. offset: distance of the UUID from the
 * label in bytes.
 */
static void write_label(unsigned int sector, uint8_t offset, const char *type)
{
	char disk[8 * 512] = { 0 }, *label = disk + sector * 512;
	const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	memcpy(label, "LABELONE", 8);
	label[8] = sector;
	label[20] = offset;
	memcpy(label + 24, type, 8);
	memcpy(label + offset, UUID, 32);
	assert_true(fd >= 0);
	assert_int_equal(file_write_at(fd, disk, sizeof(disk), 0), 0);
	close(fd);
}

static int label(char uuid[PV_UUID_SIZE], struct err *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	assert_true(fd >= 0);
	r = pv_label_uuid(fd, uuid, err);
	close(fd);
	return r;
}

static void test_the_label_is_found_in_the_first_four_sectors(void **state)
{
	char uuid[PV_UUID_SIZE];
	struct err err;

	(void)state;
	for (unsigned int sector = 0; sector < 4; sector++) {
		write_label(sector, 32, "LVM2 001");
		memset(uuid, 0, sizeof(uuid));
		assert_int_equal(label(uuid, &err), 0);
		assert_string_equal(uuid, UUID);
	}
	write_label(4, 32, "LVM2 001");
	assert_int_equal(label(uuid, &err), -ENODATA);
	assert_non_null(strstr(err.msg, "there is no label of LVM"));
}

static void test_what_is_no_label_is_refused(void **state)
{
	char uuid[PV_UUID_SIZE];
	struct err err;

	(void)state;
	write_label(1, 32, "LVM1 001");
	assert_int_equal(label(uuid, &err), -ENODATA);
	/* an offset that leads out of the sector */
	write_label(1, 32, "LVM2 001");
	{
		const int fd = open(path, O_WRONLY | O_CLOEXEC);

		assert_true(fd >= 0);
		assert_int_equal(file_write_at(fd, "\xff\xff\xff\xff", 4, 512 + 20), 0);
		close(fd);
	}
	assert_int_equal(label(uuid, &err), -ENODATA);
	/* a device that is smaller than a sector */
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(label(uuid, &err), -ENODATA);
	assert_int_equal(pv_label_uuid(-1, uuid, &err), -EBADF);
}

static int set_up(void **state)
{
	const int fd = mkstemp(path);

	(void)state;
	if (fd >= 0)
		close(fd);
	return fd < 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_label_is_found_in_the_first_four_sectors),
		cmocka_unit_test(test_what_is_no_label_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
