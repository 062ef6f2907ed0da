// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests which calls to device-mapper dm_tables.c makes, and in which state a failed swap leaves a
 * device, with a stand-in for the ioctls.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "common/dm_tables.h"

/* The minor number has more than 8 bits, which the ioctls split. */
#define DEVICE		makedev(253, 300)
#define DEVICE_KERNEL	((253 << 8) | 44 | (256 << 12))
#define NOWAIT		(DM_NOFLUSH_FLAG | DM_SKIP_LOCKFS_FLAG)

struct line {
	uint64_t start, length;
	const char *type, *params;
};

/* The only device.  Tests set and read these fields. */
static struct {
	struct line live[3], loaded[3];
	unsigned int nr_live, nr_loaded;
	char *long_params;		/* parameters of the first live line; or NULL */
	uint32_t flags;			/* flags of each answer */
	unsigned long fail_request;	/* the first call of this request fails with fail_errno */
	int fail_errno;
	bool suspended_by_failure;	/* the failed request leaves the device suspended */
	char calls[256];		/* the requests, except reads, each followed by a space */
	char written[16384];		/* the lines of the last load, as "START LENGTH TYPE PARAMS\n" */
	uint32_t load_flags;
	unsigned int reads, finds;
	unsigned int strdup_fails_at;	/* this call of strdup() fails, counted from 1; 0 if none does */
} sim;

static struct err err;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

char *__wrap_strdup(const char *text)
{
	if (sim.strdup_fails_at && !--sim.strdup_fails_at)
		return NULL;
	return __real_strdup(text);
}

int __wrap_open(const char *path, int flags, ...)
{
	assert_string_equal(path, "/dev/mapper/control");
	return __real_open("/dev/null", flags);
}

static void note(const char *what, uint32_t flags)
{
	const size_t at = strlen(sim.calls);

	snprintf(sim.calls + at, sizeof(sim.calls) - at, "%s%s ", what, !flags ? "" : flags == NOWAIT ? "-nowait" : "-?");
}

/* Writes the table after the header, as the kernel does. */
static void answer_table(struct dm_ioctl *io)
{
	const bool inactive = io->flags & DM_QUERY_INACTIVE_TABLE_FLAG;
	const unsigned int nr = inactive ? sim.nr_loaded : sim.nr_live;
	char *data = (char *)io + io->data_start;
	size_t at = 0, room = io->data_size - io->data_start;

	sim.reads++;
	io->target_count = nr;
	io->open_count = 7;
	strcpy(io->name, "data");
	strcpy(io->uuid, "ERAD-1");
	for (unsigned int i = 0; i < nr; i++) {
		const struct line *l = inactive ? &sim.loaded[i] : &sim.live[i];
		const char *params = !inactive && !i && sim.long_params ? sim.long_params : l->params;
		struct dm_target_spec spec = { .sector_start = l->start, .length = l->length };
		const size_t size = (sizeof(spec) + strlen(params) + 1 + 7) / 8 * 8;

		if (at + size > room) {
			io->flags |= DM_BUFFER_FULL_FLAG;
			return;
		}
		/*
		 * The kernel counts the bytes from the beginning of the data, not from this entry.
		 */
		spec.next = at + size;
		strcpy(spec.target_type, l->type);
		memcpy(data + at, &spec, sizeof(spec));
		strcpy(data + at + sizeof(spec), params);
		at += size;
	}
	io->flags |= sim.flags;
}

/* Reads the lines of a load as the kernel does: next counts from the beginning of the line. */
static void take_load(const struct dm_ioctl *io)
{
	const char *at = (const char *)io + io->data_start, *end = (const char *)io + io->data_size;
	size_t length = 0;

	for (unsigned int i = 0; i < io->target_count; i++) {
		const struct dm_target_spec *spec = (const struct dm_target_spec *)at;

		assert_true(at + sizeof(*spec) < end);
		assert_int_equal(spec->next % 8, 0);
		length += snprintf(sim.written + length, sizeof(sim.written) - length, "%llu %llu %s %s\n", spec->sector_start,
				   spec->length, spec->target_type, at + sizeof(*spec));
		at += spec->next;
	}
	assert_ptr_equal(at, end);
	sim.load_flags = io->flags;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct dm_ioctl *io;
	va_list args;

	va_start(args, request);
	io = va_arg(args, struct dm_ioctl *);
	va_end(args);
	assert_true(fd >= 0);
	assert_int_equal(io->version[0], DM_VERSION_MAJOR);
	if (request == DM_DEV_STATUS) {
		sim.finds++;
		if (strcmp(io->name, "data")) {
			errno = ENXIO;
			return -1;
		}
		io->dev = DEVICE_KERNEL;
		return 0;
	}
	assert_int_equal(io->dev, DEVICE_KERNEL);
	if (request == DM_DEV_SUSPEND)
		note("resume", io->flags);
	else if (request == DM_TABLE_CLEAR)
		note("clear", io->flags);
	if (request == sim.fail_request) {
		sim.fail_request = 0;
		if (sim.suspended_by_failure)
			sim.flags |= DM_SUSPEND_FLAG;
		errno = sim.fail_errno;
		return -1;
	}
	if (request == DM_TABLE_STATUS)
		answer_table(io);
	else if (request == DM_TABLE_LOAD)
		take_load(io);
	else if (request == DM_DEV_SUSPEND)
		sim.flags &= ~DM_SUSPEND_FLAG;
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(&sim, 0, sizeof(sim));
	sim.nr_live = 2;
	sim.live[0] = (struct line){ 0, 100, "linear", "8:1 2048" };
	sim.live[1] = (struct line){ 100, 50, "mirror", "core 1 64 2 8:16 0  8:1 8:1" };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(sim.long_params);
	return 0;
}

static void make_long(size_t size)
{
	sim.long_params = malloc(size + 1);
	assert_non_null(sim.long_params);
	memset(sim.long_params, 'x', size);
	sim.long_params[size] = 0;
}

static void test_device_is_found_by_its_name(void **state)
{
	char name[DM_NAME_LEN + 1] = "";

	(void)state;
	assert_int_equal(dm_tables_find("data"), DEVICE);
	assert_int_equal(dm_tables_find("other"), 0);
	memset(name, 'a', sizeof(name) - 1);
	/* There is no ioctl for a name that does not fit. */
	assert_int_equal(dm_tables_find(name), 0);
	assert_int_equal(sim.finds, 2);
}

static void test_table_is_read_with_the_state_of_its_device(void **state)
{
	struct dm_device d;

	(void)state;
	sim.flags = DM_SUSPEND_FLAG | DM_READONLY_FLAG | DM_INACTIVE_PRESENT_FLAG;
	assert_int_equal(dm_tables_read(DEVICE, &d, &err), 0);
	assert_string_equal(d.name, "data");
	assert_string_equal(d.uuid, "ERAD-1");
	assert_true(d.suspended && d.read_only && d.loaded);
	assert_int_equal(d.open_count, 7);
	assert_int_equal(d.nr, 2);
	assert_int_equal(d.line[1].start, 100);
	assert_int_equal(d.line[1].length, 50);
	assert_string_equal(d.line[1].type, "mirror");
	assert_string_equal(d.line[1].params, sim.live[1].params);
	dm_tables_free(&d);
}

static void test_table_that_does_not_fit_is_read_again_with_more_memory(void **state)
{
	struct dm_device d;

	(void)state;
	make_long(40000);
	assert_int_equal(dm_tables_read(DEVICE, &d, &err), 0);
	assert_int_equal(sim.reads, 3);
	assert_string_equal(d.line[0].params, sim.long_params);
	assert_string_equal(d.line[1].params, sim.live[1].params);
	dm_tables_free(&d);
}

static void test_table_without_end_is_refused(void **state)
{
	struct dm_device d;

	(void)state;
	make_long(5 << 20);
	assert_int_equal(dm_tables_read(DEVICE, &d, &err), -E2BIG);
	assert_null(d.line);
	assert_string_equal(err.msg, "cannot read the table of mapped device 253:300: Argument list too long");
}

static void test_device_that_is_gone_has_no_table(void **state)
{
	struct dm_device d;

	(void)state;
	sim.fail_request = DM_TABLE_STATUS;
	sim.fail_errno = ENXIO;
	assert_int_equal(dm_tables_read(DEVICE, &d, &err), -ENXIO);
	assert_null(d.line);
	assert_string_equal(err.msg, "cannot read the table of mapped device 253:300: No such device or address");
}

static void test_read_without_memory_keeps_nothing(void **state)
{
	struct dm_device d;

	(void)state;
	sim.strdup_fails_at = 2;
	assert_int_equal(dm_tables_read(DEVICE, &d, &err), -ENOMEM);
	assert_null(d.line);
	assert_int_equal(d.nr, 0);
}

static void test_load_replaces_a_device_only_where_a_whole_word_names_it(void **state)
{
	struct dm_device d;

	(void)state;
	sim.flags = DM_READONLY_FLAG;
	assert_int_equal(dm_tables_read(DEVICE, &d, &err), 0);
	assert_true(dm_line_names(&d.line[1], makedev(8, 16)));
	assert_false(dm_line_names(&d.line[0], makedev(8, 16)));
	assert_int_equal(dm_tables_load(&d, makedev(8, 1), makedev(253, 9), &err), 0);
	assert_string_equal(sim.written, "0 100 linear 253:9 2048\n"
			    "100 50 mirror core 1 64 2 8:16 0  253:9 253:9\n");
	assert_int_equal(sim.load_flags, DM_READONLY_FLAG);
	assert_int_equal(dm_tables_load(&d, 0, 0, &err), 0);
	assert_string_equal(sim.written, "0 100 linear 8:1 2048\n100 50 mirror core 1 64 2 8:16 0  8:1 8:1\n");
	assert_int_equal(dm_tables_load_linear(&d, 77, makedev(8, 1), &err), 0);
	assert_string_equal(sim.written, "0 77 linear 8:1 0\n");
	dm_tables_free(&d);
}

static void test_load_that_fails_names_the_device(void **state)
{
	struct dm_device d;

	(void)state;
	assert_int_equal(dm_tables_read(DEVICE, &d, &err), 0);
	sim.fail_request = DM_TABLE_LOAD;
	sim.fail_errno = EINVAL;
	assert_int_equal(dm_tables_load(&d, 0, 0, &err), -EINVAL);
	assert_string_equal(err.msg, "cannot load a table for /dev/mapper/data: Invalid argument");
	dm_tables_free(&d);
}

static void test_swap_is_one_call(void **state)
{
	struct dm_device d = { .dev = DEVICE, .name = "data" };
	uint64_t us;

	(void)state;
	assert_int_equal(dm_tables_swap(&d, &us, &err), 0);
	assert_string_equal(sim.calls, "resume-nowait ");
	*sim.calls = 0;
	assert_int_equal(dm_tables_swap_frozen(&d, &us, &err), 0);
	assert_string_equal(sim.calls, "resume ");
}

static void test_swap_that_fails_drops_the_new_table(void **state)
{
	struct dm_device d = { .dev = DEVICE, .name = "data" };
	uint64_t us;

	(void)state;
	sim.fail_request = DM_DEV_SUSPEND;
	sim.fail_errno = ENOMEM;
	assert_int_equal(dm_tables_swap(&d, &us, &err), -ENOMEM);
	assert_string_equal(sim.calls, "resume-nowait clear ");
	assert_string_equal(err.msg, "cannot put the new table of /dev/mapper/data into use: Cannot allocate memory");
}

static void test_swap_that_fails_leaves_no_suspended_device(void **state)
{
	struct dm_device d = { .dev = DEVICE, .name = "data" };
	uint64_t us;

	(void)state;
	sim.fail_request = DM_DEV_SUSPEND;
	sim.fail_errno = EIO;
	sim.suspended_by_failure = true;
	assert_int_equal(dm_tables_swap_frozen(&d, &us, &err), -EIO);
	/* The new table is dropped first: the resume would put it into use. */
	assert_string_equal(sim.calls, "resume clear resume-nowait ");
	assert_false(sim.flags & DM_SUSPEND_FLAG);
}

static void test_loaded_table_is_compared_with_the_live_one(void **state)
{
	struct dm_device d;

	(void)state;
	sim.nr_loaded = 2;
	sim.loaded[0] = (struct line){ 0, 100, "linear", "253:9 2048" };
	sim.loaded[1] = (struct line){ 100, 50, "mirror", "core 1 64 2 8:16 0  253:9 253:9" };
	assert_int_equal(dm_tables_read(DEVICE, &d, &err), 0);
	assert_false(dm_tables_loaded_is(&d, makedev(8, 1), makedev(253, 9)));
	dm_tables_free(&d);

	sim.flags = DM_INACTIVE_PRESENT_FLAG;
	assert_int_equal(dm_tables_read(DEVICE, &d, &err), 0);
	assert_true(dm_tables_loaded_is(&d, makedev(8, 1), makedev(253, 9)));
	assert_false(dm_tables_loaded_is(&d, makedev(8, 1), makedev(253, 8)));
	sim.loaded[1].params = "core 1 64 2 8:16 0  253:9 8:1";
	assert_false(dm_tables_loaded_is(&d, makedev(8, 1), makedev(253, 9)));
	sim.loaded[1] = (struct line){ 100, 51, "mirror", "core 1 64 2 8:16 0  253:9 253:9" };
	assert_false(dm_tables_loaded_is(&d, makedev(8, 1), makedev(253, 9)));
	sim.nr_loaded = 1;
	assert_false(dm_tables_loaded_is(&d, makedev(8, 1), makedev(253, 9)));
	/*
	 * A loaded table that was made from another device than `from` is not a table of this load.
	 */
	sim.nr_loaded = 2;
	memcpy(sim.loaded, sim.live, sizeof(sim.live));
	assert_false(dm_tables_loaded_is(&d, makedev(9, 9), makedev(253, 9)));
	dm_tables_free(&d);
}

static void test_a_device_that_somebody_else_changes_is_not_settled(void **state)
{
	struct dm_device d = { .name = "vg-a" };

	(void)state;
	assert_int_equal(dm_tables_check_settled(&d, &err), 0);
	d.loaded = true;
	assert_int_equal(dm_tables_check_settled(&d, &err), -EBUSY);
	assert_string_equal(err.msg,
			    "/dev/mapper/vg-a has a table that is loaded and not in use; run 'dmsetup clear vg-a' to drop the table, or 'dmsetup resume vg-a' to use it");
	d.suspended = true;
	assert_int_equal(dm_tables_check_settled(&d, &err), -EBUSY);
	assert_string_equal(err.msg, "/dev/mapper/vg-a is suspended; resume it first");
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_device_is_found_by_its_name),
		TEST(test_table_is_read_with_the_state_of_its_device),
		TEST(test_table_that_does_not_fit_is_read_again_with_more_memory),
		TEST(test_table_without_end_is_refused),
		TEST(test_device_that_is_gone_has_no_table),
		TEST(test_read_without_memory_keeps_nothing),
		TEST(test_load_replaces_a_device_only_where_a_whole_word_names_it),
		TEST(test_load_that_fails_names_the_device),
		TEST(test_swap_is_one_call),
		TEST(test_swap_that_fails_drops_the_new_table),
		TEST(test_swap_that_fails_leaves_no_suspended_device),
		TEST(test_loaded_table_is_compared_with_the_live_one),
		TEST(test_a_device_that_somebody_else_changes_is_not_settled),
	};

	return cmocka_run_group_tests_name("dm_tables", tests, NULL, NULL);
}
