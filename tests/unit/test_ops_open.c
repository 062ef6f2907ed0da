// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Open: what it refuses, with which message, that a refusal changes nothing, and that it notices
 * metadata that was put back from an older copy.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "erad/ops/closed.h"
#include "erad/ops/open.h"
#include "erad/ops/resize.h"
#include "erad/request/diff.h"
#include "erad/request/dump.h"
#include "erad/volume/checkpoint.h"
#include "erad/volume/registry.h"
#include "ops_fixture.h"
#include "store/build.h"
#include "store/era_notes.h"
#include "store/history.h"
#include "volume_fixture.h"

static void refuse_open(int code, const char *sentence)
{
	struct volume *v;
	struct err err;

	assert_int_equal(op_open("data", &(struct open_choice){ 0 }, &v, &err), code);
	assert_sentence(&err, sentence);
	assert_false(volumes_have("data"));
}

static void write_line(const char *options)
{
	char line[256];

	snprintf(line, sizeof(line), "data " ORIGIN " %s %s\n", metadata, options);
	write_file(tab_path, line);
}

static void test_open_refuses_a_line_that_is_missing_or_wrong(void **state)
{
	(void)state;
	refuse_open(-ENOENT, "data");
	write_file(tab_path, "data " ORIGIN "\n");
	refuse_open(-EINVAL, "eratab:1: no metadata");
	write_file(tab_path, "data " ORIGIN " /dev/b\ndata " ORIGIN " /dev/b\n");
	refuse_open(-EEXIST, "data");
	write_line("");
	refuse_open(-ENOENT, metadata);
}

static void test_open_and_resize_do_not_wait_for_a_place_that_hangs(void **state)
{
	struct resized resized;
	struct store *s;
	struct err err;

	(void)state;
	create_data();
	close_data();
	sim.hung = ORIGIN;
	refuse_open(-ETIMEDOUT, ORIGIN " hangs for 20 seconds");
	assert_int_equal(op_resize("data", 0, &resized, &err), -ETIMEDOUT);
	sim.hung = metadata;
	refuse_open(-ETIMEDOUT, "data.erad hangs for 20 seconds");
	assert_int_equal(op_resize("data", 0, &resized, &err), -ETIMEDOUT);
	assert_sentence(&err, "data.erad hangs for 20 seconds");
	assert_int_equal(op_open_closed("data", &s, NULL, &err), -ETIMEDOUT);
	assert_sentence(&err, "data.erad hangs for 20 seconds");
	sim.hung = NULL;
}

static void test_open_that_is_refused_can_be_repeated(void **state)
{
	struct volume *v;
	struct err err;

	(void)state;
	create_data();
	close_data();
	sim.device_exists = true;
	refuse_open(-EEXIST, "there is a /dev/mapper/data already");
	sim.device_exists = false;
	sim.device = (struct refusal){ -EROFS, "it is read-only" };
	refuse_open(-EROFS, "it is read-only");
	sim.in_use = true;
	refuse_open(-EBUSY, "origin " ORIGIN " is in use: it is mounted");
	sim.in_use = false;
	sim.apart = (struct refusal){ -EDEADLK, "it is on the origin" };
	refuse_open(-EDEADLK, "it is on the origin");
	sim.sectors = SECTORS - 8;
	refuse_open(-EINVAL, "run 'eractl resize data' to give the volume the size of the origin");
	sim.sectors = SECTORS;
	sim.create = (struct refusal){ -EIO, "the table is refused" };
	refuse_open(-EIO, "the table is refused");
	write_line("detach_policy=degrade");
	refuse_open(-ENOTBLK, "needs the metadata on a block device");
	write_line("");

	assert_int_equal(op_open("data", &(struct open_choice){ 0 }, &v, &err), 0);
	volume_unref(v);
	assert_int_equal(op_open("data", &(struct open_choice){ 0 }, &v, &err), 0);
	volume_unref(v);
}

/* Opens the volume, and returns how many gaps its metadata contains. */
static uint64_t gaps_after_open(const struct open_choice *choice)
{
	struct store_info info;
	struct volume *v;
	struct err err;

	if (op_open("data", choice, &v, &err))
		fail_msg("%s", err.msg);
	store_info(volume_store_get(v), &info);
	volume_store_put(v);
	volume_unref(v);
	return info.gaps;
}

static void test_gap_refuse_opens_a_volume_with_a_gap_only_if_the_gap_is_accepted(void **state)
{
	static const struct open_choice none, accept = { .accept_gap = true };
	unsigned int creates;

	(void)state;
	create_data();
	write_line("gap=refuse");
	close_data();
	assert_int_equal(gaps_after_open(&none), 0);
	close_data();
	fixture_origin_byte++;
	/*
	 * A refused open records nothing, so the next open finds the gap again.  A refused open
	 * also makes no device.  So if this erad is killed, the next erad finds no device to adopt.
	 */
	creates = sim.creates;
	for (unsigned int i = 0; i < 2; i++)
		refuse_open(-EUCLEAN, "writes may have gone past erad (written-while-closed): ");
	assert_int_equal(sim.creates, creates);
	refuse_open(-EUCLEAN, "; /etc/eratab has gap=refuse, so the volume is not opened; run 'eractl open data --accept-gap' to open it");
	assert_int_equal(gaps_after_open(&accept), 1);
	close_data();
	assert_int_equal(gaps_after_open(&none), 1);
	close_data();

	fixture_origin_byte++;
	write_line("gap=record");
	assert_int_equal(gaps_after_open(&none), 2);
}

/* Notes the token of the current era of the open volume. */
static void hand_out_token(void)
{
	struct volume *v = volumes_get("data");
	struct store *s = volume_store_get(v);
	struct store_info info;

	store_info(s, &info);
	sim.seen = (struct token){ .timeline = store_timeline(s, info.era), .era = info.era };
	volume_store_put(v);
	volume_unref(v);
}

static void copy_file(const char *from, const char *to)
{
	char buf[65536];
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	size_t n;

	assert_non_null(in);
	assert_non_null(out);
	while ((n = fread(buf, 1, sizeof(buf), in)))
		assert_int_equal(fwrite(buf, 1, n, out), n);
	assert_false(ferror(in));
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

/* Returns the current era and, unless floor is NULL, the era of the floor. */
static uint32_t era_of_data(uint32_t *floor)
{
	struct volume *v = volumes_get("data");
	struct store_info info;

	store_info(volume_store_get(v), &info);
	volume_store_put(v);
	volume_unref(v);
	if (floor)
		*floor = info.floor_era;
	return info.era;
}

static void test_a_refusal_because_of_a_user_of_the_origin_is_noted_once(void **state)
{
	static const struct open_choice none;
	uint32_t floor, era;

	(void)state;
	create_data();
	close_data();
	assert_int_equal(gaps_after_open(&none), 0);
	close_data();
	/* The origin of this test has no counters, so nothing proves that its user has not written. */
	sim.in_use = true;
	for (unsigned int i = 0; i < 2; i++)
		refuse_open(-EBUSY, "origin " ORIGIN " is in use: it is mounted");
	sim.in_use = false;
	write_line("gap=refuse");
	refuse_open(-EUCLEAN, "writes may have gone past erad (unknown): another user (it is mounted) used the origin when an open was refused; ");
	write_line("");
	assert_int_equal(gaps_after_open(&none), 1);
	close_data();
	assert_int_equal(gaps_after_open(&none), 1);
	close_data();
	/* Other refusals note nothing if the origin is not in use. */
	sim.device_exists = true;
	refuse_open(-EEXIST, "there is a /dev/mapper/data already");
	sim.device_exists = false;
	assert_int_equal(gaps_after_open(&none), 1);
	era = era_of_data(&floor);
	assert_true(floor < era - 1);
	close_data();
	sim.device_exists = sim.in_use = true;
	refuse_open(-EEXIST, "there is a /dev/mapper/data already");
	sim.device_exists = sim.in_use = false;
	/* The number of gaps is unchanged: the gap with the same text now has the newer era. */
	assert_int_equal(gaps_after_open(&none), 1);
	era = era_of_data(&floor);
	assert_int_equal(floor, era - 1);
}

static void test_a_reader_of_the_origin_refuses_an_open_and_is_not_noted(void **state)
{
	static const struct open_choice none;

	(void)state;
	create_data();
	close_data();
	assert_int_equal(gaps_after_open(&none), 0);
	close_data();
	sim.in_use = sim.only_read = true;
	sim.user = "process 7 of eractl reads it";
	refuse_open(-EBUSY, "origin " ORIGIN " is in use: process 7 of eractl reads it; wait until this process has ended");
	sim.in_use = sim.only_read = false;
	assert_int_equal(gaps_after_open(&none), 0);
	close_data();
	/* A reader opens the origin while the volume is being opened. */
	sim.only_read = sim.taken = true;
	sim.create = (struct refusal){ -EBUSY, "the origin is busy" };
	refuse_open(-EBUSY, "the origin is busy");
	sim.taken = sim.in_use = false;
	assert_int_equal(gaps_after_open(&none), 0);
}

static void test_a_user_who_takes_the_origin_during_the_open_is_noted(void **state)
{
	static const struct open_choice none;

	(void)state;
	create_data();
	close_data();
	assert_int_equal(gaps_after_open(&none), 0);
	close_data();
	sim.create = (struct refusal){ -EIO, "the table is refused" };
	refuse_open(-EIO, "the table is refused");
	assert_int_equal(gaps_after_open(&none), 0);
	close_data();
	sim.taken = true;
	sim.create = (struct refusal){ -EBUSY, "the origin is busy" };
	refuse_open(-EBUSY, "the origin is busy");
	sim.taken = sim.in_use = false;
	assert_int_equal(gaps_after_open(&none), 1);
}

static void test_an_open_that_fails_keeps_the_note_of_a_user(void **state)
{
	static const struct open_choice none;

	(void)state;
	sim.counted = true;
	create_data();
	close_data();
	assert_int_equal(gaps_after_open(&none), 0);
	close_data();
	sim.in_use = true;
	refuse_open(-EBUSY, "origin " ORIGIN " is in use: it is mounted");
	sim.in_use = false;
	write_line("gap=refuse");
	/* The counter proves that the other user of the origin has not written yet. */
	sim.create = (struct refusal){ -EIO, "the table is refused" };
	refuse_open(-EIO, "the table is refused");
	/* Without the counter, as in a later boot, nothing proves this. */
	sim.counted = false;
	refuse_open(-EUCLEAN, "used the origin when an open was refused");
	sim.counted = true;
	assert_int_equal(gaps_after_open(&none), 0);
}

static void test_the_counter_clears_a_user_but_not_of_a_partition_that_was_noted_at_0(void **state)
{
	static const struct open_choice none;

	(void)state;
	sim.counted = true;
	create_data();
	close_data();
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(gaps_after_open(&none), 0);
		/* Change the counter while the volume is open. */
		sim.partition = i % 2;
		sim.written = i < 2 ? 8 : 0;
		close_data();
		sim.in_use = true;
		refuse_open(-EBUSY, "origin " ORIGIN " is in use: it is mounted");
		sim.in_use = false;
		assert_int_equal(gaps_after_open(&none), i == 3);
		close_data();
	}
}

static void test_a_note_that_is_no_utf8_still_answers_a_diff(void **state)
{
	struct json_object *answer;
	struct err err;

	(void)state;
	create_data();
	close_data();
	sim.in_use = true;
	/* The note has room for only a part of the text, and ends within the last character. */
	sim.user = "mounted at /mnt/a-directory-with-a-\xff-in-its/caf\xc3\xa9";
	refuse_open(-EBUSY, sim.user);
	sim.in_use = false;
	assert_int_equal(request_diff(NULL, "data", 1, NULL, STORE_NOW, &answer, &err), 0);
	assert_non_null(strstr(json_object_get_string(json_object_object_get(answer, "full_copy_due")),
			       "another user (mounted at /mnt/a-directory-with-a-?-in-its/caf?) used the origin"));
	json_object_put(answer);
}

static void test_a_dump_of_a_closed_volume_has_the_notes_of_its_metadata(void **state)
{
	struct json_object *result, *part, *notes;
	struct store_notes got, expected;
	struct jsonl erad, client;
	struct store *s;
	struct err err;
	int ends[2];

	(void)state;
	create_data();
	close_data();
	sim.in_use = true;
	refuse_open(-EBUSY, "it is mounted");
	sim.in_use = false;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	jsonl_init(&erad, ends[0], 65536, 1000);
	jsonl_init(&client, ends[1], 65536, 1000);
	if (request_dump(&erad, "data", STORE_NOW, DUMP_MOMENT, &result, &err))
		fail_msg("%s", err.msg);
	json_object_put(result);
	if (jsonl_read(&client, &part, &err) < 0)
		fail_msg("%s", err.msg);
	notes = json_object_object_get(json_object_object_get(part, "part"), "notes");
	assert_non_null(notes);
	assert_true(era_notes_parse(json_object_get_string(notes), &got));
	json_object_put(part);
	jsonl_free(&erad);
	jsonl_free(&client);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(op_open_closed("data", &s, NULL, &err), 0);
	store_notes(s, &expected);
	store_close(s, false, NULL);
	assert_int_equal(got.sealed, expected.sealed);
	assert_memory_equal(got.item, expected.item, sizeof(got.item));
	assert_memory_equal(got.seal, expected.seal, sizeof(got.seal));
}

static void test_metadata_that_hangs_does_not_hide_a_user_of_the_origin(void **state)
{
	(void)state;
	create_data();
	close_data();
	sim.hung = metadata;
	sim.in_use = true;
	refuse_open(-EBUSY, "origin " ORIGIN " is in use: it is mounted");
	sim.hung = NULL;
	sim.in_use = false;
}

/*
 * Opens metadata that was put back.  Checks that there is a gap in the era of the token, and that
 * the volume is in a later era.
 */
static void check_put_back(uint64_t gaps)
{
	static const struct open_choice none, accept = { .accept_gap = true };
	uint32_t floor;

	write_line("gap=refuse");
	for (unsigned int i = 0; i < 2; i++)
		refuse_open(-EUCLEAN, "writes may have gone past erad (metadata-rolled-back): the metadata, in era ");
	refuse_open(-EUCLEAN, "if the volume is a clone, 'eractl forget data' and 'eractl create' give it a UUID of its own");
	assert_int_equal(gaps_after_open(&accept), gaps);
	assert_int_equal(era_of_data(&floor), sim.seen.era + 1);
	assert_int_equal(floor, sim.seen.era);
	close_data();
	/*
	 * The gap is found only once, even if eractl has not noted a new token before the next
	 * open.
	 */
	assert_int_equal(gaps_after_open(&none), gaps);
	close_data();
}

/* Returns what the metadata of the open volume knows of the noted token. */
static enum store_moment moment_of_token(void)
{
	struct volume *v = volumes_get("data");
	const enum store_moment moment = store_moment(volume_store_get(v), sim.seen.timeline, sim.seen.era);

	volume_store_put(v);
	volume_unref(v);
	return moment;
}

/* Makes the metadata anew from its eras, as a restore of a dump does: without timelines. */
static void rebuild_metadata(uint32_t era)
{
	struct store_geometry g = { };
	struct store_info info;
	struct build *b;
	struct engine *e;
	struct store *s;
	struct err err;

	assert_int_equal(engine_open(metadata, ENGINE_READ, &e, &err), 0);
	assert_int_equal(store_open(e, STORE_READ, &s, &err), 0);
	store_info(s, &info);
	store_close(s, false, NULL);
	memcpy(g.uuid, info.uuid, sizeof(g.uuid));
	g.nr_sectors = info.nr_sectors;
	g.block_sectors = info.block_sectors;
	g.journal_pages = info.journal_pages;
	g.chunk_pages = info.chunk_pages;
	assert_int_equal(engine_open(metadata, ENGINE_CLAIM, &e, &err), 0);
	assert_int_equal(build_begin(e, &g, era, &b, &err), 0);
	assert_int_equal(build_end(b, &err), 0);
	engine_destroy(e);
}

static void test_metadata_from_a_dump_that_is_older_than_the_token_does_not_know_the_token(void **state)
{
	struct volume *v;
	uint32_t era;
	struct err err;

	(void)state;
	create_data();
	v = volumes_get("data");
	if (volume_checkpoint(v, &era, &err))
		fail_msg("%s", err.msg);
	volume_unref(v);
	hand_out_token();
	close_data();
	rebuild_metadata(era - 1);
	check_put_back(1);
	/* If erad is killed between the two steps of the check, the next open finds the gap. */
	assert_int_equal(gaps_after_open(&(struct open_choice){ 0 }), 1);
	assert_int_equal(moment_of_token(), MOMENT_FOREIGN);
}

/* Opens the volume, copies its metadata, begins an era, and puts the copy back. */
static void test_metadata_of_the_same_timeline_that_was_put_back_does_not_know_the_token(void **state)
{
	struct volume *v;
	uint32_t era;
	struct err err;

	(void)state;
	create_data();
	copy_file(metadata, other);
	v = volumes_get("data");
	if (volume_checkpoint(v, &era, &err))
		fail_msg("%s", err.msg);
	volume_unref(v);
	hand_out_token();
	assert_int_equal(sim.seen.era, era);
	close_data();
	copy_file(other, metadata);
	check_put_back(1);
	/* If erad is killed between the two steps of the check, the next open finds the gap. */
	assert_int_equal(gaps_after_open(&(struct open_choice){ 0 }), 1);
	assert_int_equal(moment_of_token(), MOMENT_OTHER_ERA);
}

static void test_metadata_that_was_put_back_is_noticed_once(void **state)
{
	static const struct open_choice none;

	(void)state;
	create_data();
	hand_out_token();
	write_line("gap=refuse");
	close_data();
	/* The metadata knows the token, because no older copy was put back. */
	assert_int_equal(gaps_after_open(&none), 0);
	copy_file(metadata, other);	/* a copy that was made while the volume was in use */
	close_data();
	assert_int_equal(gaps_after_open(&none), 0);
	hand_out_token();
	close_data();
	copy_file(other, metadata);
	check_put_back(1);
}

static void test_an_open_does_not_wait_for_a_note_whose_file_system_hangs(void **state)
{
	static const struct open_choice none;

	(void)state;
	create_data();
	close_data();
	sim.seen_hangs = true;
	assert_int_equal(gaps_after_open(&none), 0);
	close_data();
	sim.seen_hangs = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_files(test_open_refuses_a_line_that_is_missing_or_wrong),
		with_files(test_open_and_resize_do_not_wait_for_a_place_that_hangs),
		with_files(test_open_that_is_refused_can_be_repeated),
		with_files(test_gap_refuse_opens_a_volume_with_a_gap_only_if_the_gap_is_accepted),
		with_files(test_a_refusal_because_of_a_user_of_the_origin_is_noted_once),
		with_files(test_a_reader_of_the_origin_refuses_an_open_and_is_not_noted),
		with_files(test_a_user_who_takes_the_origin_during_the_open_is_noted),
		with_files(test_an_open_that_fails_keeps_the_note_of_a_user),
		with_files(test_the_counter_clears_a_user_but_not_of_a_partition_that_was_noted_at_0),
		with_files(test_a_note_that_is_no_utf8_still_answers_a_diff),
		with_files(test_a_dump_of_a_closed_volume_has_the_notes_of_its_metadata),
		with_files(test_metadata_that_hangs_does_not_hide_a_user_of_the_origin),
		with_files(test_metadata_that_was_put_back_is_noticed_once),
		with_files(test_metadata_of_the_same_timeline_that_was_put_back_does_not_know_the_token),
		with_files(test_metadata_from_a_dump_that_is_older_than_the_token_does_not_know_the_token),
		/* This is the last test, because its thread may still wait when the test ends. */
		with_files(test_an_open_does_not_wait_for_a_note_whose_file_system_hangs),
	};

	return cmocka_run_group_tests(tests, fixture_start_registry, NULL);
}
