// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The state of a copy: a written state is read unchanged, with names and a seal of any length, and
 * any other text is refused.
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
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/files.h"
#include "eractl/standing.h"
#include "temp_dir.h"

static char directory[] = "/var/tmp/erad-standing-XXXXXX";
static char copy[64], file[64];
static struct standing_place place = { .fd = -1, .path = copy, .file = file };

static int set_up(void **state)
{
	(void)state;
	temp_dir_make(directory);
	snprintf(copy, sizeof(copy), "%s/copy", directory);
	snprintf(file, sizeof(file), "%s/state", directory);
	place.fd = open(copy, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(place.fd >= 0);
	assert_int_equal(ftruncate(place.fd, 64 << 20), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(place.fd);
	unlink(copy);
	unlink(file);
	return rmdir(directory);
}

static void fill_text(char *text, size_t size, char c)
{
	memset(text, c, size - 1);
	text[size - 1] = 0;
}

/* Makes a state in which every field has its greatest length. */
static void make_longest_state(struct standing *s)
{
	*s = (struct standing){ .partial = true, .settled = true, .size = UINT64_MAX, .mtime_s = INT64_MAX, .mtime_ns = 999999999 };
	fill_text(s->at, sizeof(s->at), 'a');
	fill_text(s->unfinished, sizeof(s->unfinished), 'u');
	s->device.version = htole32(IDENTITY_VERSION);
	s->device.nr_sectors = htole64(UINT64_MAX);
	fill_text(s->device.dm_uuid, sizeof(s->device.dm_uuid), 'd');
	fill_text(s->device.serial, sizeof(s->device.serial), ' ');
	fill_text(s->device.part_uuid, sizeof(s->device.part_uuid), 'p');
	s->seal.version = htole32(SEAL_VERSION);
	s->seal.nr = htole32(SEAL_ENTRIES);
	for (uint32_t i = 0; i < SEAL_ENTRIES; i++)
		s->seal.entry[i] = (struct seal_entry){
			.offset = htole64(UINT64_MAX - i), .length = htole32(UINT32_MAX - i), .what = htole32(SEAL_SAMPLE),
			.hash = htole64(i),
		};
	s->unfinished_seal = s->seal;
	s->unfinished_seal.entry[0].hash = htole64(UINT64_MAX);
}

static void a_state_reads_as_it_was_written(void **state)
{
	struct standing s, got;
	struct err err;

	(void)state;
	make_longest_state(&s);
	assert_int_equal(standing_write(&place, &s, &err), 0);
	assert_int_equal(standing_read(&place, &got, &err), 0);
	assert_memory_equal(&got, &s, sizeof(s));

	s = (struct standing){ .seal.version = htole32(SEAL_VERSION), .unfinished_seal.version = htole32(SEAL_VERSION) };
	assert_int_equal(standing_write(&place, &s, &err), 0);
	assert_int_equal(standing_read(&place, &got, &err), 0);
	assert_memory_equal(&got, &s, sizeof(s));
}

/* A text that is cut off is refused, and so is a text with an additional line. */
static void nothing_else_is_a_state(void **state)
{
	static char text[32768];
	struct standing s;
	struct stat st;
	struct err err;
	size_t done;
	int fd;

	(void)state;
	make_longest_state(&s);
	assert_int_equal(standing_write(&place, &s, &err), 0);
	fd = open(file, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(file_read_at(fd, text, sizeof(text), 0, &done), 0);
	assert_int_equal(done, st.st_size);
	for (off_t size = st.st_size - 1; size >= 0; size--) {
		assert_int_equal(ftruncate(fd, size), 0);
		assert_int_equal(standing_read(&place, &s, &err), -EBADMSG);
	}
	assert_int_equal(file_write_at(fd, text, done, 0), 0);
	assert_int_equal(file_write_at(fd, "end\n", 4, done), 0);
	assert_int_equal(standing_read(&place, &s, &err), -EBADMSG);
	close(fd);
	unlink(file);
	assert_int_equal(standing_read(&place, &s, &err), -ENODATA);
}

static void a_settled_copy_is_known_again(void **state)
{
	struct standing s = { }, got;
	struct timespec times[2];
	struct stat st;
	struct err err;

	(void)state;
	assert_int_equal(standing_compare(&place, &s, &err), -ENODATA);
	assert_int_equal(standing_settle(&place, &s, 64 << 20, &err), 0);
	assert_int_equal(standing_write(&place, &s, &err), 0);
	assert_int_equal(standing_read(&place, &got, &err), 0);
	assert_int_equal(standing_compare(&place, &got, &err), 0);

	assert_int_equal(fstat(place.fd, &st), 0);
	assert_int_equal(file_write_at(place.fd, "x", 1, 4096), 0);
	assert_int_equal(standing_compare(&place, &got, &err), -ESTALE);
	/* The seal shows the write even if the time of the last modification is set back. */
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	assert_int_equal(futimens(place.fd, times), 0);
	assert_int_equal(standing_compare(&place, &got, &err), -ESTALE);
	assert_non_null(strstr(err.msg, "the start of the device"));

	/* A state that was written for a copy on a device is refused for a copy in a file. */
	got.device.version = htole32(IDENTITY_VERSION);
	assert_int_equal(standing_compare(&place, &got, &err), -ESTALE);
	assert_non_null(strstr(err.msg, "the state of another copy"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_state_reads_as_it_was_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_else_is_a_state, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_settled_copy_is_known_again, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
