// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Copy-on-write stores of images: a store with content is refused, even if a mapped device holds
 * the store. A store is discarded only while a caller waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/sysfs.h"
#include "erad_format.h"
#include "erad/device/store_examine.h"
#include "temp_dir.h"

#define STORE	makedev(7, 1)
#define OTHER	makedev(7, 2)
#define SIZE	(4u << 20)	/* bytes */

static char dir[] = "/tmp/erad-store-XXXXXX";
static char path[sizeof(dir) + 8];	/* the file that stands for the device */
static dev_t is_device;			/* the number of this device */
static unsigned int discards;

int __wrap_dm_node(dev_t dev, char node[NODE_PATH_SIZE]);
int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, void *arg);

int __wrap_dm_node(dev_t dev, char node[NODE_PATH_SIZE])
{
	(void)dev;
	strcpy(node, path);
	return 0;
}

int __wrap_fstat(int fd, struct stat *st)
{
	const int r = __real_fstat(fd, st);

	st->st_rdev = is_device;
	return r;
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	if (request == BLKGETSIZE64) {
		*(uint64_t *)arg = SIZE;
		return 0;
	}
	if (request != BLKDISCARD)
		return __real_ioctl(fd, request, arg);
	assert_int_equal(((uint64_t *)arg)[0], 0);
	assert_int_equal(((uint64_t *)arg)[1], SIZE);
	discards++;
	return 0;
}

int __wrap_probe_device(const char *node, dev_t *dev, uint64_t *nr_sectors, struct err *err);
bool __wrap_probe_in_use(dev_t dev, const char *node, struct err *who);
int __wrap_loopdev_check_alone(dev_t dev, const char *node, struct err *err);

int __wrap_probe_device(const char *node, dev_t *dev, uint64_t *nr_sectors, struct err *err)
{
	(void)node;
	(void)err;
	*dev = STORE;
	*nr_sectors = SIZE / 512;
	return 0;
}

bool __wrap_probe_in_use(dev_t dev, const char *node, struct err *who)
{
	(void)dev;
	(void)node;
	(void)who;
	return false;
}

int __wrap_loopdev_check_alone(dev_t dev, const char *node, struct err *err)
{
	(void)dev;
	(void)node;
	(void)err;
	return 0;
}

static int set_up(void **state)
{
	int fd;

	(void)state;
	temp_dir_make(dir);
	snprintf(path, sizeof(path), "%s/store", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	close(fd);
	is_device = STORE;
	discards = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return temp_dir_remove(dir, path);
}

static void test_store_is_discarded_as_long_as_somebody_waits(void **state)
{
	struct err err;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(store_discard(STORE, ends[1], &err), 0);
	assert_int_equal(store_discard(STORE, -1, &err), 0);
	assert_int_equal(discards, 2);
	close(ends[0]);
	assert_int_equal(store_discard(STORE, ends[1], &err), -ECANCELED);
	assert_string_equal(err.msg, "device 7:1 is not discarded, because nobody waits for it any more");
	assert_int_equal(discards, 2);
	close(ends[1]);
}

static void test_another_device_with_the_same_node_is_not_discarded(void **state)
{
	struct err err;

	(void)state;
	is_device = OTHER;
	assert_int_equal(store_discard(STORE, -1, &err), -ENODEV);
	assert_int_equal(discards, 0);
}

/* Makes the signature of a swap area. */
static void make_swap(void)
{
	const int fd = open(path, O_RDWR | O_CLOEXEC);
	/* A version, the last page, and no bad pages. */
	const uint32_t head[] = { 1, SIZE / 4096 - 1, 0 };

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, head, sizeof(head), 1024), sizeof(head));
	assert_int_equal(pwrite(fd, "SWAPSPACE2", 10, 4096 - 10), 10);
	close(fd);
}

static void test_store_that_has_got_content_since_it_was_examined_is_refused(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(store_examine_held("/dev/shown", STORE, &err), 0);
	make_swap();
	assert_int_equal(store_examine_held("/dev/shown", STORE, &err), -EEXIST);
	assert_non_null(strstr(err.msg, "/dev/shown contains a file system, partitions or other content"));
	is_device = OTHER;
	assert_int_equal(store_examine_held("/dev/shown", STORE, &err), -ENODEV);
}

static void test_store_that_has_got_metadata_of_erad_is_refused(void **state)
{
	const int fd = open(path, O_RDWR | O_CLOEXEC);
	struct err err;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, ERAD_SUPER_MAGIC, 8, offsetof(struct erad_disk_super, magic)), 8);
	close(fd);
	assert_int_equal(store_examine_held("/dev/shown", STORE, &err), -EEXIST);
	assert_non_null(strstr(err.msg, "/dev/shown contains metadata of erad"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_store_that_has_got_content_since_it_was_examined_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_store_that_has_got_metadata_of_erad_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_store_is_discarded_as_long_as_somebody_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_another_device_with_the_same_node_is_not_discarded, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
