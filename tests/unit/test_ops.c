// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Create, close, forget, attach and resize: what each of them refuses, with which message, and that
 * a refusal changes nothing.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/uuid.h"
#include "erad/ops/attach.h"
#include "erad/ops/close.h"
#include "erad/ops/conflict.h"
#include "erad/ops/forget.h"
#include "erad/ops/open.h"
#include "erad/ops/recover.h"
#include "erad/ops/resize.h"
#include "erad/volume/home.h"
#include "erad/volume/registry.h"
#include "ops_fixture.h"
#include "volume_fixture.h"

/* ---- create ---- */

/* Checks that the create is refused, and leaves neither a volume nor metadata nor another line. */
static void refuse_create(const struct create_args *a, int code, const char *sentence)
{
	struct volume *v;
	struct err err;

	assert_int_equal(op_create(a, &v, &err), code);
	assert_sentence(&err, sentence);
	assert_int_equal(access(metadata, F_OK), -1);
	assert_false(volumes_have("data"));
}

/* Like refuse_create(), but also checks that the create has never written metadata. */
static void refuse_at_once(const struct create_args *a, int code, const char *sentence)
{
	refuse_create(a, code, sentence);
	assert_false(formatted);
}

static void test_create_refuses_wrong_arguments(void **state)
{
	struct create_args a;

	(void)state;
	a = *create_args_of_data();
	a.name = "a/b";
	refuse_at_once(&a, -EINVAL, "a/b");
	a = *create_args_of_data();
	a.origin = "origin";
	refuse_at_once(&a, -EINVAL, "origin is not an absolute path");
	a = *create_args_of_data();
	a.metadata = "data.erad";
	refuse_at_once(&a, -EINVAL, "data.erad is not an absolute path");
	a = *create_args_of_data();
	for (a.block_size = 0; a.block_size < 3; a.block_size++)
		refuse_at_once(&a, -EINVAL, "expected a multiple of 4096 below 2 TiB");
	a.block_size = (uint64_t)UINT32_MAX * 512 + 512;
	refuse_at_once(&a, -EINVAL, "expected a multiple of 4096 below 2 TiB");
	assert_tab("");
}

static void test_create_refuses_what_eratab_has(void **state)
{
	char line[256];

	(void)state;
	write_file(tab_path, "data /dev/a /dev/b\n");
	refuse_at_once(create_args_of_data(), -EEXIST, "already has a volume of this name");
	write_file(tab_path, "other " ORIGIN " /dev/b\n");
	refuse_at_once(create_args_of_data(), -EEXIST, "origin " ORIGIN " is the origin of volume other in line 1");
	write_file(tab_path, "other /dev/a " ORIGIN "\n");
	refuse_at_once(create_args_of_data(), -EEXIST, "origin " ORIGIN " is the metadata of volume other in line 1");
	snprintf(line, sizeof(line), "# a comment\nother /dev/a %s\n", metadata);
	write_file(tab_path, line);
	refuse_at_once(create_args_of_data(), -EEXIST, "is the metadata of volume other in line 2");
	assert_tab(line);
}

static void test_create_refuses_a_wrong_origin(void **state)
{
	(void)state;
	sim.device_exists = true;
	refuse_at_once(create_args_of_data(), -EEXIST, "there is a /dev/mapper/data already");
	sim.device_exists = false;
	sim.device = (struct refusal){ -ENOTBLK, "it is no block device" };
	refuse_at_once(create_args_of_data(), -ENOTBLK, "it is no block device");
	sim.sectors = 0;
	refuse_at_once(create_args_of_data(), -EINVAL, "origin " ORIGIN " has no sectors");
	sim.sectors = SECTORS;
	sim.in_use = true;
	refuse_at_once(create_args_of_data(), -EBUSY, "origin " ORIGIN " is in use: it is mounted");
	assert_tab("");
}

static void test_create_does_not_wait_for_a_place_that_hangs(void **state)
{
	(void)state;
	sim.hung = metadata;
	refuse_at_once(create_args_of_data(), -ETIMEDOUT, "data.erad hangs for 20 seconds");
	sim.hung = ORIGIN;
	refuse_at_once(create_args_of_data(), -ETIMEDOUT, ORIGIN " hangs for 20 seconds");
	assert_tab("");
	/* The refused creates do not keep the name in use. */
	sim.hung = NULL;
	create_data();
	close_data();
}

static void test_create_does_not_wait_for_the_places_of_other_volumes(void **state)
{
	(void)state;
	sim.hung = "/mnt/hung/";
	write_file(tab_path, "other /mnt/hung/origin /mnt/hung/metadata\n");
	create_data();
	close_data();
	/* The text of a path is compared even if the path hangs. */
	write_file(tab_path, "other /mnt/hung/origin " ORIGIN "\n");
	unlink(metadata);
	refuse_create(create_args_of_data(), -EEXIST, "origin " ORIGIN " is the metadata of volume other in line 1");
}

static void test_a_place_that_could_not_be_looked_up_is_not_another_place(void **state)
{
	struct eratab tab;
	struct volume *v;
	struct err err;

	(void)state;
	write_file(tab_path, "other /dev/a /mnt/hung/metadata\n");
	sim.no_child = "/mnt/hung/";
	refuse_create(create_args_of_data(), -EUSERS, "no process can be started for /mnt/hung/metadata");
	sim.no_child = NULL;
	create_data();
	close_data();

	/* The file may be the metadata of the volume whose path does not answer, so it must not be removed. */
	sim.hung = "/mnt/hung/";
	assert_int_equal(eratab_read(ERAD_TAB, &tab, &err), 0);
	assert_true(conflict_file(&tab, "data", metadata, &err));
	assert_sentence(&err, "/mnt/hung/metadata hangs");
	eratab_free(&tab);
	sim.hung = NULL;
	sim.no_child = metadata;
	assert_int_equal(op_open("data", &(struct open_choice){ 0 }, &v, &err), -EUSERS);
	sim.no_child = NULL;
}

static void test_another_file_with_the_inode_of_deleted_metadata_is_no_conflict(void **state)
{
	const struct use u = { .name = "other", .metadata = other };
	struct volume *v;
	struct err err;

	(void)state;
	create_data();
	write_file(other, "");
	v = volumes_get("data");
	assert_true(v->place.exists);
	place_peek(other, PEEK_DEVICE, &v->place);
	assert_int_equal(conflict_live(&u, &err), 0);
	unlink(other);
	assert_int_equal(link(metadata, other), 0);
	place_peek(other, PEEK_DEVICE, &v->place);
	assert_int_equal(conflict_live(&u, &err), -EBUSY);

	/* erad writes a new metadata file, so it drops what it knew about the deleted file. */
	assert_int_equal(unlink(metadata), 0);
	unlink(other);
	assert_int_equal(home_check_open(v, &err), 0);
	assert_false(v->place.exists);
	volume_unref(v);
}

static void test_create_and_open_refuse_a_file_at_the_node(void **state)
{
	struct err err;
	struct volume *v;

	(void)state;
	sim.file_size = 10 << 20;
	refuse_at_once(create_args_of_data(), -EEXIST, "/dev/mapper/data is a regular file of 10 MiB in memory, expected no file");
	assert_tab("");
	sim.file_size = 0;
	create_data();
	close_data();
	sim.file_size = 5;
	assert_int_equal(op_open("data", &(struct open_choice){ 0 }, &v, &err), -EEXIST);
	assert_sentence(&err, "/dev/mapper/data is a regular file of 5 B in memory");
	assert_sentence(&err, "'mv /dev/mapper/data /var/tmp/' keeps it");
	assert_false(volumes_have("data"));
}

static void test_create_refuses_a_wrong_place_of_the_metadata(void **state)
{
	struct create_args a = *create_args_of_data();
	struct volume *v;
	struct stat st;
	struct err err;

	(void)state;
	sim.lasting = (struct refusal){ -EINVAL, "it is in memory" };
	refuse_at_once(&a, -EINVAL, "it is in memory");
	sim.apart = (struct refusal){ -EDEADLK, "it is on the origin" };
	refuse_at_once(&a, -EDEADLK, "it is on the origin");
	write_file(other, "precious\n");
	a.metadata = other;
	assert_int_equal(op_create(&a, &v, &err), -EEXIST);
	a.overwrite = true;
	assert_int_equal(op_create(&a, &v, &err), -EEXIST);
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_size, strlen("precious\n"));
	assert_tab("");
}

static void test_create_whose_device_cannot_be_made_leaves_nothing(void **state)
{
	(void)state;
	write_file(tab_path, "# kept\n");
	sim.create = (struct refusal){ -EIO, "the table is refused" };
	refuse_create(create_args_of_data(), -EIO, "the table is refused");
	assert_true(formatted);
	assert_tab("# kept\n");
	create_data();
}

/* Another program makes a device of this name after erad has looked for one. */
static void test_create_beside_a_device_of_another_program_leaves_nothing(void **state)
{
	(void)state;
	sim.create = (struct refusal){ -EBUSY, "Device or resource busy" };
	sim.other_program = true;
	refuse_create(create_args_of_data(), -EBUSY, "Device or resource busy");
	assert_true(formatted);
	assert_true(sim.device_exists);
	assert_tab("");
	sim.other_program = false;
	sim.device_exists = false;
	create_data();
}

static void test_create_that_cannot_make_a_name_durable_leaves_nothing(void **state)
{
	(void)state;
	write_file(tab_path, "# kept\n");
	/* the first fsync() of a directory fails, after the metadata file was made */
	sim.fsync_fails = 1;
	refuse_create(create_args_of_data(), -EIO, "data.erad with");
	assert_tab("# kept\n");
	/* the second fsync() of a directory fails, after the line was added to eratab */
	sim.fsync_fails = 2;
	refuse_create(create_args_of_data(), -EIO, "eratab cannot be added durably: Input/output error; the file is as before; try again");
	assert_tab("# kept\n");
	assert_int_equal(sim.fsync_fails, 0);
	create_data();
}

static void test_create_refuses_the_name_and_the_metadata_of_an_open_volume(void **state)
{
	struct create_args a = *create_args_of_data();
	struct volume *v;
	struct err err;

	(void)state;
	create_data();
	assert_int_equal(op_create(&a, &v, &err), -EEXIST);
	assert_sentence(&err, "a volume of this name is open already");
	write_file(tab_path, "");
	sim.device_exists = false;
	a.name = "more";
	assert_int_equal(op_create(&a, &v, &err), -EBUSY);
	assert_sentence(&err, "is the metadata of volume data, which is open");
	sim.device_exists = true;
	assert_true(volumes_have("data"));
	assert_false(volumes_have("more"));
}

/* ---- close and forget ---- */

static void test_close_refuses_an_unknown_volume_and_a_device_in_use(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(op_close("data", &err), -ENOENT);
	create_data();
	sim.remove = (struct refusal){ -EBUSY, "it is open" };
	assert_int_equal(op_close("data", &err), -EBUSY);
	assert_sentence(&err, "it is open");
	assert_true(volumes_have("data"));
	close_data();
	assert_int_equal(op_close("data", &err), 0);
}

static void test_close_does_not_wait_for_a_removal_that_hangs(void **state)
{
	struct err err;

	(void)state;
	create_data();
	sim.remove_hangs = true;
	assert_int_equal(op_close("data", &err), -ETIMEDOUT);
	assert_sentence(&err, "/dev/mapper/data was not removed within 90 seconds; check whether its metadata device hangs or udev is slow; the removal may go on; when the metadata can be written again, run 'eractl close data' again");
	sim.remove_hangs = false;
	close_data();
}

static void test_a_close_that_fails_keeps_the_origin_hidden(void **state)
{
	unsigned int before;
	struct err err;

	(void)state;
	create_data();
	/*
	 * Without a line in eratab, a close triggers an event, so that udev shows the origin again.
	 */
	write_file(tab_path, "");
	before = sim.hidden_updates;
	sim.remove = (struct refusal){ -EBUSY, "it is open" };
	assert_int_equal(op_close("data", &err), -EBUSY);
	assert_int_equal(sim.hidden_updates, before);
	close_data();
	assert_int_equal(sim.hidden_updates, before + 1);
}

static void test_forget_that_is_not_durable_can_be_repeated(void **state)
{
	struct forgotten left;
	struct err err;

	(void)state;
	create_data();
	close_data();
	/*
	 * the fsync() fails after the line was removed from eratab; then eratab is written again as
	 * it was
	 */
	sim.fsync_fails = 1;
	assert_int_equal(op_forget("data", &left, &err), -EIO);
	assert_sentence(&err, "eratab cannot be removed durably: Input/output error; the file is as before; try again");
	assert_null(left.metadata);
	assert_int_equal(op_forget("data", &left, &err), 0);
	assert_non_null(left.metadata);
	free(left.metadata);
	assert_tab("");
}

static void test_forget_refuses_an_open_or_attached_volume_and_keeps_a_file_that_create_did_not_choose(void **state)
{
	struct forgotten left;
	struct stat st;
	struct err err;

	(void)state;
	assert_int_equal(op_forget("data", &left, &err), -ENOENT);
	create_data();
	assert_int_equal(op_forget("data", &left, &err), -EBUSY);
	assert_sentence(&err, "it is open; close it first");
	assert_null(left.metadata);
	close_data();
	assert_int_equal(op_forget("data", &left, &err), 0);
	assert_string_equal(left.metadata, metadata);
	/* left.uuid is set, because eractl removes the note with this UUID. */
	assert_int_equal(strlen(left.uuid), UUID_TEXT_SIZE - 1);
	free(left.metadata);
	assert_tab("");
	assert_int_equal(stat(metadata, &st), 0);

	assert_string_equal(left.same_uuid, "");

	write_file(tab_path, "data /dev/a /dev/b detaching\n");
	assert_int_equal(op_forget("data", &left, &err), -EBUSY);
	assert_sentence(&err, "run 'eractl detach data' to detach and forget the volume");
	assert_null(left.metadata);
	assert_tab("data /dev/a /dev/b detaching\n");

	write_file(tab_path, "data /dev/a /dev/b\ndata /dev/c /dev/d\n");
	assert_int_equal(op_forget("data", &left, &err), -EEXIST);
	assert_null(left.metadata);
	assert_tab("data /dev/a /dev/b\ndata /dev/c /dev/d\n");
}

/* A clone and its original share the note of the newest token, so the note stays when one of them is forgotten. */
static void test_forget_names_another_volume_with_the_same_uuid(void **state)
{
	static const char *const ending[] = { "", "-away" };
	struct forgotten left;
	char text[600];
	struct err err;

	(void)state;
	create_data();
	close_data();
	/*
	 * Case 0: "data" and "clone" have the same metadata file.  Case 1: the metadata of "data"
	 * cannot be read.
	 */
	for (int i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "data /dev/a %s%s\nclone /dev/c %s\n", metadata, ending[i], metadata);
		write_file(tab_path, text);
		assert_int_equal(op_forget("clone", &left, &err), 0);
		assert_int_equal(strlen(left.uuid), UUID_TEXT_SIZE - 1);
		assert_string_equal(left.same_uuid, "data");
		free(left.metadata);
	}
	snprintf(text, sizeof(text), "data /dev/a %s\n", metadata);
	write_file(tab_path, text);
	assert_int_equal(op_forget("data", &left, &err), 0);
	assert_string_equal(left.same_uuid, "");
	free(left.metadata);
}

/* ---- attach ---- */

static void test_only_an_interrupted_attach_is_detached_at_the_start(void **state)
{
	struct err err;
	char line[300];

	(void)state;
	/*
	 * Simulate an attach that ends after erad has read eratab, and before erad has claimed the
	 * name.
	 */
	snprintf(line, sizeof(line), "data " ORIGIN " %s noauto\n", metadata);
	write_file(tab_path, line);
	assert_int_equal(op_end_interrupted("data", &err), 1);
	assert_tab(line);
	assert_int_equal(op_end_interrupted("other", &err), 1);

	snprintf(line, sizeof(line), "data " ORIGIN " %s detaching\n", metadata);
	write_file(tab_path, line);
	assert_int_equal(op_end_interrupted("data", &err), 0);
	assert_tab("");
}

/* The results of end_next(), one for each volume of eratab. */
static const int *results;

static int end_next(const struct eratab_entry *e, struct err *err)
{
	assert_non_null(e->name);
	return *results < 0 ? err_set(err, *results++, "it fails") : *results++;
}

static bool recovered(const int *next, struct recovery_log *log)
{
	static const struct recovery rec = { .end = end_next, .what = "tests", .ended = "ended", .failed = "failed" };

	results = next;
	return recover_once(&rec, log);
}

static void test_what_was_interrupted_is_ended_until_nothing_is_left(void **state)
{
	struct recovery_log log = { 0 };

	(void)state;
	write_file(tab_path, "data " ORIGIN " /dev/b\nother /dev/c /dev/d\n");
	assert_true(recovered((const int[]){ 0, 1 }, &log));
	/*
	 * If another thread works on a volume, this is no error, and erad looks at the volume
	 * again.
	 */
	assert_false(recovered((const int[]){ -EALREADY, 1 }, &log));
	assert_int_equal(log.nr, 0);
	/*
	 * If the operation on the first volume cannot be ended, the operation on the second volume
	 * is ended nevertheless.
	 */
	assert_false(recovered((const int[]){ -EIO, 0 }, &log));
	assert_int_equal(log.nr, 1);
	assert_string_equal(log.volume[0], "data");
	/* Each volume has one line in the log, also if another volume already has a line. */
	assert_false(recovered((const int[]){ -EIO, -EALREADY }, &log));
	assert_int_equal(log.nr, 1);
	assert_false(recovered((const int[]){ -EALREADY, -EIO }, &log));
	assert_int_equal(log.nr, 2);
	assert_string_equal(log.volume[1], "other");
	assert_false(recovered((const int[]){ -EIO, -EIO }, &log));
	assert_int_equal(log.nr, 2);
	assert_true(recovered((const int[]){ 1, 1 }, &log));
	free(log.volume);
}

static void test_a_table_that_could_not_be_read_hides_no_later_error(void **state)
{
	struct recovery_log log = { 0 };

	(void)state;
	/* A directory can be opened and not be read. */
	unlink(tab_path);
	assert_int_equal(mkdir(tab_path, 0700), 0);
	assert_false(recovered(NULL, &log));
	assert_true(log.table);
	assert_int_equal(rmdir(tab_path), 0);
	write_file(tab_path, "data " ORIGIN " /dev/b\n");
	assert_false(recovered((const int[]){ -EIO }, &log));
	assert_int_equal(log.nr, 1);
	free(log.volume);
}

static void test_a_claimed_volume_is_not_taken_for_an_interrupted_one(void **state)
{
	struct claim claim;
	struct volume *v;
	struct err err;
	char line[300];

	(void)state;
	snprintf(line, sizeof(line), "data " ORIGIN " %s detaching\n", metadata);
	write_file(tab_path, line);
	assert_int_equal(volumes_claim(&claim, "data", &v, &err), 0);
	assert_null(v);
	assert_int_equal(op_end_interrupted("data", &err), -EALREADY);
	assert_tab(line);
	volumes_release(&claim);
}

/* ---- resize ---- */

static void refuse_resize(uint64_t bytes, int code, const char *sentence)
{
	struct resized done;
	struct err err;

	assert_int_equal(op_resize("data", bytes, &done, &err), code);
	assert_sentence(&err, sentence);
}

/* These sizes are refused in the same way for an open volume and for a closed one. */
static void refuse_sizes(void)
{
	refuse_resize(4097, -EINVAL, "expected a multiple of the 512 bytes of a sector of origin " ORIGIN "; the nearest are 4096 and 4608 bytes");
	refuse_resize(100, -EINVAL, "the nearest is 512 bytes");
	refuse_resize((SECTORS + 1) * 512, -EINVAL, "expected at least 512 bytes and at most the 1 GiB of origin " ORIGIN);
	sim.sectors = 0;
	refuse_resize(0, -EINVAL, "got a size of 0 B");
	sim.sectors = SECTORS;
	sim.device = (struct refusal){ -ENOTBLK, "it is no block device" };
	refuse_resize(0, -ENOTBLK, "it is no block device");
}

static void test_resize_refuses_sizes_that_are_not_possible(void **state)
{
	struct resized done;
	struct err err;

	(void)state;
	refuse_resize(0, -ENOENT, "data");
	create_data();
	refuse_sizes();
	sim.dev = makedev(8, 16);
	refuse_resize(0, -EINVAL, ORIGIN " is now device 8:16, but the origin of the live target is device 7:0");
	sim.dev = makedev(7, 0);
	sim.load = (struct refusal){ -EBUSY, "it is suspended" };
	refuse_resize(4096, -EBUSY, "it is suspended");
	assert_int_equal(op_resize("data", 0, &done, &err), 0);
	assert_int_equal(done.had, SECTORS * 512);
	assert_int_equal(done.has, SECTORS * 512);

	close_data();
	refuse_sizes();
	assert_int_equal(op_resize("data", SECTORS * 512 - 512, &done, &err), 0);
	assert_int_equal(done.had, SECTORS * 512);
	assert_int_equal(done.has, SECTORS * 512 - 512);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_files(test_create_refuses_wrong_arguments),
		with_files(test_create_refuses_what_eratab_has),
		with_files(test_create_refuses_a_wrong_origin),
		with_files(test_create_does_not_wait_for_a_place_that_hangs),
		with_files(test_create_does_not_wait_for_the_places_of_other_volumes),
		with_files(test_a_place_that_could_not_be_looked_up_is_not_another_place),
		with_files(test_another_file_with_the_inode_of_deleted_metadata_is_no_conflict),
		with_files(test_create_and_open_refuse_a_file_at_the_node),
		with_files(test_create_refuses_a_wrong_place_of_the_metadata),
		with_files(test_create_whose_device_cannot_be_made_leaves_nothing),
		with_files(test_create_beside_a_device_of_another_program_leaves_nothing),
		with_files(test_create_that_cannot_make_a_name_durable_leaves_nothing),
		with_files(test_create_refuses_the_name_and_the_metadata_of_an_open_volume),
		with_files(test_close_refuses_an_unknown_volume_and_a_device_in_use),
		with_files(test_close_does_not_wait_for_a_removal_that_hangs),
		with_files(test_a_close_that_fails_keeps_the_origin_hidden),
		with_files(test_forget_that_is_not_durable_can_be_repeated),
		with_files(test_forget_refuses_an_open_or_attached_volume_and_keeps_a_file_that_create_did_not_choose),
		with_files(test_forget_names_another_volume_with_the_same_uuid),
		with_files(test_only_an_interrupted_attach_is_detached_at_the_start),
		with_files(test_what_was_interrupted_is_ended_until_nothing_is_left),
		with_files(test_a_table_that_could_not_be_read_hides_no_later_error),
		with_files(test_a_claimed_volume_is_not_taken_for_an_interrupted_one),
		with_files(test_resize_refuses_sizes_that_are_not_possible),
	};

	return cmocka_run_group_tests(tests, fixture_start_registry, NULL);
}
