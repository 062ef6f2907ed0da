// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests which locks of a device device_lock.c takes, and what it keeps open after an error, with
 * stand-ins for files, udev's partitions and locks.
 */
#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "common/blockdev.h"
#include "common/file_lock.h"
#include "common/protocol.h"
#include "store/device_lock.h"

#define DEVICE	makedev(8, 17)
#define DEVICE_FD	40	/* the caller's file */
#define OPEN_FD	50		/* the file that open() returns */

/* Tests set and read these fields. */
static struct {
	int mkdir_errno, open_errno, fcntl_errno, flock_code;
	int flock_fails_on;	/* the file whose flock fails with flock_code */
	bool partition, no_disk;
	char opened[64];	/* the path of the file that was opened last */
	short type;		/* type of the lock that was asked for last */
	unsigned int files;	/* files that were opened and not closed */
	unsigned int flocks;
} sim;

static struct err err;

int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_open(const char *path, int flags, ...);
int __wrap_close(int fd);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_blockdev_attribute(dev_t dev, const char *name, char *value, size_t size);
int __wrap_blkid_devno_to_wholedisk(dev_t dev, char *name, size_t size, dev_t *disk);
int __wrap_file_lock_fd(int fd, const char *name, unsigned int seconds, struct err *e);

static int fails(int code)
{
	errno = code;
	return code ? -1 : 0;
}

int __wrap_mkdir(const char *path, mode_t mode)
{
	assert_string_equal(path, ERAD_RUN_DIR);
	assert_int_equal(mode, 0755);
	return fails(sim.mkdir_errno);
}

int __wrap_open(const char *path, int flags, ...)
{
	assert_true(flags & O_CLOEXEC);
	snprintf(sim.opened, sizeof(sim.opened), "%s", path);
	if (fails(sim.open_errno))
		return -1;
	sim.files++;
	return OPEN_FD;
}

int __wrap_close(int fd)
{
	assert_int_equal(fd, OPEN_FD);
	sim.files--;
	return 0;
}

int __wrap_fcntl(int fd, int command, ...)
{
	va_list args;

	assert_int_equal(fd, OPEN_FD);
	assert_int_equal(command, F_OFD_SETLK);
	va_start(args, command);
	sim.type = va_arg(args, struct flock *)->l_type;
	va_end(args);
	return fails(sim.fcntl_errno);
}

int __wrap_blockdev_attribute(dev_t dev, const char *name, char *value, size_t size)
{
	assert_int_equal(dev, DEVICE);
	assert_string_equal(name, "partition");
	if (!sim.partition)
		return -ENOENT;
	snprintf(value, size, "1");
	return 0;
}

int __wrap_blkid_devno_to_wholedisk(dev_t dev, char *name, size_t size, dev_t *disk)
{
	assert_int_equal(dev, DEVICE);
	if (sim.no_disk)
		return -1;
	snprintf(name, size, "sdb");
	*disk = makedev(8, 16);
	return 0;
}

int __wrap_file_lock_fd(int fd, const char *name, unsigned int seconds, struct err *e)
{
	assert_true(seconds);
	assert_string_equal(name, fd == OPEN_FD ? "/dev/sdb" : "the name");
	sim.flocks++;
	return fd == sim.flock_fails_on ? err_set(e, sim.flock_code, "%s is locked", name) : 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof(sim));
	sim.mkdir_errno = EEXIST;
	sim.partition = true;
	sim.flock_code = -ETIMEDOUT;
	return 0;
}

static int lock(bool exclusive, int *fd)
{
	return device_lock(DEVICE, exclusive, "the name", fd, &err);
}

static void test_lock_is_of_the_number_and_not_of_the_node(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(lock(true, &fd), 0);
	assert_int_equal(fd, OPEN_FD);
	assert_string_equal(sim.opened, ERAD_RUN_DIR "/device-8:17.lock");
	assert_int_equal(sim.type, F_WRLCK);
	assert_int_equal(lock(false, &fd), 0);
	assert_int_equal(sim.type, F_RDLCK);
}

/* The next lock fails with this code and message, and leaves no open file. */
static void refused(bool exclusive, int code, const char *message)
{
	int fd;

	assert_int_equal(lock(exclusive, &fd), code);
	assert_string_equal(err.msg, message);
	assert_int_equal(fd, -1);
	assert_int_equal(sim.files, 0);
}

static void test_lock_of_another_process_is_reported(void **state)
{
	(void)state;
	sim.fcntl_errno = EAGAIN;
	refused(true, -EBUSY, "the name: another process has it open");
	sim.fcntl_errno = EACCES;
	refused(false, -EBUSY, "the name: another process has it open for writing");
	sim.fcntl_errno = ENOLCK;
	refused(true, -ENOLCK, "the name: cannot lock " ERAD_RUN_DIR "/device-8:17.lock: No locks available");
}

static void test_writer_needs_a_lock_and_a_reader_goes_on_without(void **state)
{
	int fd = -1;

	(void)state;
	sim.open_errno = EROFS;
	refused(true, -EROFS, "the name: cannot open its lock " ERAD_RUN_DIR "/device-8:17.lock: Read-only file system");
	assert_int_equal(lock(false, &fd), 0);
	assert_int_equal(fd, -1);
	sim.mkdir_errno = EROFS;
	assert_int_equal(lock(false, &fd), 0);
	*sim.opened = 0;
	assert_int_equal(lock(true, &fd), -EROFS);
	assert_string_equal(err.msg, "the name: cannot make " ERAD_RUN_DIR " for its lock: Read-only file system");
	assert_string_equal(sim.opened, "");
}

static int lock_udev(int *disk)
{
	return device_lock_udev(DEVICE_FD, DEVICE, "the name", disk, &err);
}

static void test_partition_is_locked_with_its_disk(void **state)
{
	int disk;

	(void)state;
	assert_int_equal(lock_udev(&disk), 0);
	assert_int_equal(disk, OPEN_FD);
	assert_string_equal(sim.opened, "/dev/sdb");
	assert_int_equal(sim.flocks, 2);
}

static void test_disk_and_device_without_a_disk_need_one_lock(void **state)
{
	int disk;

	(void)state;
	sim.partition = false;
	assert_int_equal(lock_udev(&disk), 0);
	assert_int_equal(disk, -1);
	sim.partition = true;
	sim.no_disk = true;
	assert_int_equal(lock_udev(&disk), 0);
	assert_int_equal(disk, -1);
	assert_int_equal(sim.files, 0);
	assert_int_equal(sim.flocks, 2);
	/* A disk that has no node is not locked. */
	sim.no_disk = false;
	sim.open_errno = ENOENT;
	assert_int_equal(lock_udev(&disk), 0);
	assert_int_equal(disk, -1);
	assert_int_equal(sim.flocks, 3);
}

static void test_lock_for_udev_that_is_taken_leaves_no_open_disk(void **state)
{
	int disk;

	(void)state;
	sim.flock_fails_on = DEVICE_FD;
	assert_int_equal(lock_udev(&disk), -ETIMEDOUT);
	assert_string_equal(err.msg, "the name is locked");
	assert_int_equal(disk, -1);
	assert_int_equal(sim.flocks, 1);
	sim.flock_fails_on = OPEN_FD;
	assert_int_equal(lock_udev(&disk), -ETIMEDOUT);
	assert_string_equal(err.msg, "/dev/sdb is locked");
	assert_int_equal(disk, -1);
	assert_int_equal(sim.files, 0);
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, set_up, NULL)
	const struct CMUnitTest tests[] = {
		TEST(test_lock_is_of_the_number_and_not_of_the_node),
		TEST(test_lock_of_another_process_is_reported),
		TEST(test_writer_needs_a_lock_and_a_reader_goes_on_without),
		TEST(test_partition_is_locked_with_its_disk),
		TEST(test_disk_and_device_without_a_disk_need_one_lock),
		TEST(test_lock_for_udev_that_is_taken_leaves_no_open_disk),
	};

	return cmocka_run_group_tests_name("device_lock", tests, NULL, NULL);
}
