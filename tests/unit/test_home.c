// SPDX-License-Identifier: GPL-2.0-or-later
/* The file of open metadata: somebody deletes, moves, replaces or truncates it. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "erad_format.h"
#include "store/engine.h"
#include "store/home.h"
#include "store/store.h"
#include "temp_dir.h"

static char dir[] = "/var/tmp/erad-test-XXXXXX", path[128];

static int setup(void **state)
{
	static const struct temp_file file = { dir, path };

	*state = (void *)&file;
	temp_dir_make(dir);
	snprintf(path, sizeof(path), "%s/meta", dir);
	return 0;
}

static int add_len(void *ctx, uint64_t first, uint64_t len)
{
	(void)first;
	*(uint64_t *)ctx += len;
	return 0;
}

static struct store *new_store(void)
{
	const struct store_geometry g = { .uuid = { 1 }, .nr_sectors = 1 << 20, .block_sectors = 128 };
	uint64_t size, written;
	struct engine *e;
	struct store *s;
	struct err err;

	size = store_size(&g, &written);
	assert_int_equal(engine_create_file(path, size, written, NULL, &err), 0);
	assert_int_equal(engine_open(path, ENGINE_WRITE, &e, &err), 0);
	assert_int_equal(store_format(e, &g, NULL, NULL, &err), 0);
	assert_int_equal(store_open(e, STORE_WRITE, &s, &err), 0);
	assert_int_equal(store_begin_era(s, 1, &err), 0);
	return s;
}

static int mark_block(struct store *s, uint64_t block)
{
	struct err err;

	return store_mark(s, &(struct erad_range){ .first = block, .len = 1 }, 1, &err);
}

static void assert_marked(uint64_t nr)
{
	struct engine *e;
	struct store *s;
	struct err err;
	uint64_t n = 0;

	assert_int_equal(engine_open(path, ENGINE_READ, &e, &err), 0);
	assert_int_equal(store_open(e, STORE_READ, &s, &err), 0);
	assert_int_equal(store_diff(s, 1, add_len, &n, &err), 0);
	assert_int_equal(n, nr);
	store_close(s, false, NULL);
}

static void test_a_deleted_file_is_written_anew(void **state)
{
	struct store *s = new_store();
	bool rewritten;
	struct engine *e;
	struct stat st;
	struct err err;

	(void)state;
	assert_int_equal(mark_block(s, 5000), 0);
	assert_int_equal(store_fold(s, &err), 0);
	assert_int_equal(mark_block(s, 7), 0);
	assert_int_equal(store_check_home(s, &rewritten, &err), 0);
	assert_false(rewritten);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(store_check_home(s, &rewritten, &err), 0);
	assert_true(rewritten);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	/* The new file is locked, and further writes go to the new file. */
	assert_int_equal(engine_open(path, ENGINE_WRITE, &e, &err), -EBUSY);
	assert_int_equal(mark_block(s, 9), 0);
	assert_int_equal(store_check_home(s, &rewritten, &err), 0);
	assert_false(rewritten);
	assert_int_equal(store_close(s, false, &err), 0);
	assert_marked(3);
}

/* Changes the UUID of the metadata at `at`.  The checksum becomes wrong. */
static int reset_uuid(const char *at)
{
	const uint8_t uuid[16] = { 77 };
	const int fd = open(at, O_WRONLY | O_CLOEXEC);
	const ssize_t n = pwrite(fd, uuid, sizeof(uuid), offsetof(struct erad_disk_super, uuid));

	close(fd);
	return n == sizeof(uuid) ? 0 : -1;
}

/* Makes a file "path SUFFIX" with the first pages of the metadata at path, or with text. */
static void make_beside(const char *suffix, unsigned int pages, const char *text)
{
	static char page[4096];
	char to[200];
	FILE *in, *out;

	snprintf(to, sizeof(to), "%s%s", path, suffix);
	in = fopen(path, "r");
	out = fopen(to, "w");
	assert_true(in && out);
	while (pages--) {
		assert_int_equal(fread(page, sizeof(page), 1, in), 1);
		assert_int_equal(fwrite(page, sizeof(page), 1, out), 1);
	}
	assert_false(text && fputs(text, out) < 0);
	assert_int_equal(fclose(in) || fclose(out), 0);
	assert_int_equal(truncate(to, text ? 4096 : 1 << 20), 0);
}

static bool is_beside(const char *suffix)
{
	char at[200];

	snprintf(at, sizeof(at), "%s%s", path, suffix);
	return !access(at, F_OK);
}

static void test_an_open_removes_what_a_crash_has_left_of_copies(void **state)
{
	static const char *const kept[] = {
		".erad-rewrite-eeeeee", ".erad-rewrite-fffffff", ".gggggg", ".erad-rewrite-hhhhhh", ".erad-rewrite-iiiiii", ".erad-rewrite-jjjjjj",
	};
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char to[200];
	struct store *s;
	struct engine *e;
	struct err err;
	int fd;

	(void)state;
	s = new_store();
	assert_int_equal(store_close(s, true, &err), 0);
	/*
	 * Make the files that a crash leaves after each step of a rewrite: an empty new file, a file
	 * with a part of the content, one with all of the content, and one with a second name.
	 */
	make_beside(".erad-rewrite-aaaaaa", 0, NULL);
	make_beside(".erad-rewrite-bbbbbb", 1, NULL);
	make_beside(".erad-rewrite-cccccc", 20, NULL);
	snprintf(to, sizeof(to), "%s.erad-rewrite-dddddd", path);
	assert_int_equal(link(path, to), 0);
	/*
	 * files that are not erad's: other content, another name, a link, and a copy that another
	 * process makes
	 */
	make_beside(".erad-rewrite-eeeeee", 0, "mine");
	make_beside(".erad-rewrite-fffffff", 1, NULL);
	make_beside(".gggggg", 1, NULL);
	snprintf(to, sizeof(to), "%s.erad-rewrite-hhhhhh", path);
	assert_int_equal(symlink(path, to), 0);
	make_beside(".erad-rewrite-iiiiii", 1, NULL);
	snprintf(to, sizeof(to), "%s.erad-rewrite-iiiiii", path);
	fd = open(to, O_RDWR | O_CLOEXEC);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
	/* a copy of other metadata */
	make_beside(".erad-rewrite-jjjjjj", 1, NULL);
	snprintf(to, sizeof(to), "%s.erad-rewrite-jjjjjj", path);
	assert_int_equal(reset_uuid(to), 0);

	assert_int_equal(engine_open(path, ENGINE_READ, &e, &err), 0);
	assert_int_equal(store_open(e, STORE_READ, &s, &err), 0);
	store_close(s, false, NULL);
	assert_true(is_beside(".erad-rewrite-aaaaaa"));
	assert_int_equal(engine_open(path, ENGINE_WRITE, &e, &err), 0);
	assert_int_equal(store_open(e, STORE_WRITE, &s, &err), 0);
	assert_int_equal(store_close(s, true, &err), 0);
	assert_false(is_beside(".erad-rewrite-aaaaaa"));
	assert_false(is_beside(".erad-rewrite-bbbbbb"));
	assert_false(is_beside(".erad-rewrite-cccccc"));
	assert_false(is_beside(".erad-rewrite-dddddd"));
	assert_true(is_beside(""));
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
		assert_true(is_beside(kept[i]));
		snprintf(to, sizeof(to), "%s%s", path, kept[i]);
		assert_int_equal(unlink(to), 0);
	}
	close(fd);
}

static void test_a_file_of_somebody_else_is_not_overwritten(void **state)
{
	struct store *s = new_store();
	char content[5] = "";
	bool rewritten;
	struct err err;
	FILE *f;

	(void)state;
	assert_int_equal(mark_block(s, 7), 0);
	assert_int_equal(unlink(path), 0);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fputs("mine", f) < 0 || fclose(f), 0);
	assert_int_equal(store_check_home(s, &rewritten, &err), -ESTALE);
	assert_false(rewritten);
	assert_non_null(strstr(err.msg, "was replaced"));
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(content, sizeof(content), f));
	fclose(f);
	assert_string_equal(content, "mine");
	/* Do what the message tells the user to do. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(store_check_home(s, &rewritten, &err), 0);
	assert_true(rewritten);
	assert_int_equal(store_close(s, true, &err), 0);
	assert_marked(1);
}

static void test_no_file_is_made_behind_a_link_to_nothing(void **state)
{
	struct store *s;
	bool rewritten;
	char to[160];
	struct err err;

	(void)state;
	s = new_store();
	snprintf(to, sizeof(to), "%s.to", path);
	assert_int_equal(rename(path, to), 0);
	assert_int_equal(symlink(to, path), 0);
	assert_int_equal(store_check_home(s, &rewritten, &err), 0);
	assert_int_equal(unlink(to), 0);
	assert_int_equal(store_check_home(s, &rewritten, &err), -ESTALE);
	assert_non_null(strstr(err.msg, "symbolic link"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(store_check_home(s, &rewritten, &err), 0);
	assert_true(rewritten);
	assert_int_equal(store_close(s, true, &err), 0);
}

static void test_a_large_file_is_not_copied_while_writes_wait(void **state)
{
	struct store *s = new_store();
	bool rewritten;
	struct err err;
	int fd;

	(void)state;
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(posix_fallocate(fd, 0, 65 << 20), 0);
	close(fd);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(store_check_home(s, &rewritten, &err), -EFBIG);
	assert_non_null(strstr(err.msg, "too large"));
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(store_close(s, false, &err), 0);
}

static void test_no_second_file_is_made_of_one_that_was_moved(void **state)
{
	struct store *s = new_store();
	bool rewritten;
	char to[160];
	struct err err;

	(void)state;
	snprintf(to, sizeof(to), "%s.away", path);
	assert_int_equal(rename(path, to), 0);
	assert_int_equal(store_check_home(s, &rewritten, &err), -ESTALE);
	assert_non_null(strstr(err.msg, "it was moved"));
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rename(to, path), 0);
	assert_int_equal(store_check_home(s, &rewritten, &err), 0);
	assert_int_equal(store_close(s, true, &err), 0);
}

static void test_a_truncated_file_never_becomes_valid_again(void **state)
{
	struct store *s;
	struct engine *e;
	bool rewritten;
	struct err err;
	off_t left;

	(void)state;
	for (left = 0; left <= 64 * 4096; left += 64 * 4096) {
		s = new_store();
		assert_int_equal(mark_block(s, 8191), 0);
		assert_int_equal(truncate(path, left), 0);
		assert_int_equal(mark_block(s, 7), 0);	/* a write to the journal makes the file longer again */
		assert_int_equal(store_check_home(s, &rewritten, &err), -EUCLEAN);
		assert_non_null(strstr(err.msg, "was truncated"));
		assert_int_equal(store_fold(s, &err), -EUCLEAN);
		/* A resize does not extend the truncated file. */
		assert_int_equal(store_make_room(s, 4ULL << 20, &err), -EUCLEAN);
		assert_non_null(strstr(err.msg, "was truncated"));
		assert_int_equal(store_check_home(s, &rewritten, &err), -EUCLEAN);
		assert_true(store_close(s, true, &err) < 0);
		assert_int_equal(engine_open(path, ENGINE_WRITE, &e, &err), 0);
		assert_true(store_open(e, STORE_WRITE, &s, &err) < 0);
		assert_int_equal(unlink(path), 0);
	}
}

struct marker {
	struct store *s;
	atomic_bool stop;
	uint64_t nr;
};

static void *mark_all(void *arg)
{
	struct marker *m = arg;

	while (!m->stop && m->nr < 8192 && !mark_block(m->s, m->nr))
		m->nr++;
	return NULL;
}

static void test_no_mark_is_lost_while_a_new_file_is_written(void **state)
{
	struct marker m = { .s = new_store() };
	pthread_t thread;
	bool rewritten;
	struct err err;
	uint64_t n;
	int i;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, mark_all, &m), 0);
	for (i = 0; i < 12; i++) {
		assert_int_equal(unlink(path), 0);
		assert_int_equal(store_check_home(m.s, &rewritten, &err), 0);
		assert_true(rewritten);
		n = 0;
		assert_int_equal(store_diff(m.s, 1, add_len, &n, &err), 0);
		if (i % 3 == 2)
			assert_int_equal(store_fold(m.s, &err), 0);
	}
	m.stop = true;
	pthread_join(thread, NULL);
	assert_true(m.nr > 0);
	assert_int_equal(store_close(m.s, false, &err), 0);
	assert_marked(m.nr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_deleted_file_is_written_anew, setup, temp_file_tear_down),
		cmocka_unit_test_setup_teardown(test_an_open_removes_what_a_crash_has_left_of_copies, setup, temp_file_tear_down),
		cmocka_unit_test_setup_teardown(test_a_file_of_somebody_else_is_not_overwritten, setup, temp_file_tear_down),
		cmocka_unit_test_setup_teardown(test_no_second_file_is_made_of_one_that_was_moved, setup, temp_file_tear_down),
		cmocka_unit_test_setup_teardown(test_no_file_is_made_behind_a_link_to_nothing, setup, temp_file_tear_down),
		cmocka_unit_test_setup_teardown(test_a_large_file_is_not_copied_while_writes_wait, setup, temp_file_tear_down),
		cmocka_unit_test_setup_teardown(test_a_truncated_file_never_becomes_valid_again, setup, temp_file_tear_down),
		cmocka_unit_test_setup_teardown(test_no_mark_is_lost_while_a_new_file_is_written, setup, temp_file_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
