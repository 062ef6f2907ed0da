// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The witness: after a crash, a write to the origin past erad is noticed, and there is no false
 * alarm.
 */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/identity.h"
#include "erad/volume/commit.h"
#include "erad/volume/registry.h"
#include "erad/volume/witness.h"
#include "instance_sim.h"
#include "rnd.h"
#include "store/history.h"
#include "store/moment.h"
#include "volume_fixture.h"

#define PLACE_BLOCKS	(SEAL_PIECE / (SIM_BLOCK_SECTORS * 512))	/* how many blocks a place has */

/*
 * Ends the volume as a power cut does: the metadata is not closed, and the next open is in another
 * boot. Returns the metadata, open for writing.
 */
static struct store *crash(void)
{
	const uint8_t no_note[ERAD_HISTORY_ITEM] = { 0 };
	struct store *s;

	volume_stop(volume);
	assert_true(volume_wait_ended(volume, LONG_MS));
	volume_unref(volume);
	sim_remove();
	s = fixture_open_store(STORE_WRITE);
	assert_int_equal(store_set_item(s, STORE_TABLE_NOTE, no_note, NULL), 0);
	return s;
}

static void open_again(struct store *s)
{
	struct err err;

	store_close(s, false, NULL);
	sim_start(geometry.uuid);
	assert_int_equal(volume_new("sim", "/dev/null", "sim", geometry.uuid, fixture_open_store(STORE_WRITE),
				    &volume, &err), 0);
	assert_int_equal(volumes_add(volume, &err), 0);
	fixture_start();
}

/* Returns the number of gaps, and the newest one in *last. */
static unsigned int gaps(struct store_gap *last)
{
	struct store *s = volume_store_get(volume);
	struct store_gap gap[ERAD_GAPS];
	const unsigned int nr = store_gaps(s, gap);

	volume_store_put(volume);
	if (nr)
		*last = gap[nr - 1];
	return nr;
}

static void mark_block(struct store *s, uint64_t block)
{
	assert_int_equal(store_mark(s, &(struct erad_range){ .first = block, .len = 1 }, 1, NULL), 0);
}

static void test_crash_without_a_write_past_erad_makes_no_gap(void **state)
{
	struct store_gap last;

	(void)state;
	for (int i = 0; i < 3; i++)
		open_again(crash());
	assert_int_equal(gaps(&last), 0);
}

static void test_write_past_erad_after_a_crash_is_a_gap_once(void **state)
{
	const uint32_t era = durable_era();
	struct store_gap last;

	(void)state;
	fixture_origin_byte++;
	open_again(crash());
	assert_int_equal(gaps(&last), 1);
	assert_int_equal(last.kind, ERAD_GAP_CLOSED);
	assert_int_equal(last.era, era);
	assert_string_equal(last.detail, "without a record since era 2, 64 KiB at byte 0 in a superblock has changed");
	assert_int_equal(look_at_store().floor_era, era);
	open_again(crash());
	assert_int_equal(gaps(&last), 1);
}

/*
 * The recorded write is to the first or the last block of the place, and is in the journal or in
 * the array.
 */
static void test_write_through_erad_is_no_gap(void **state)
{
	struct store_gap last;
	struct store *s;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		fixture_origin_byte++;
		s = crash();
		mark_block(s, i % 2 ? PLACE_BLOCKS - 1 : 0);
		if (i / 2)
			assert_int_equal(store_fold(s, NULL), 0);
		open_again(s);
		assert_int_equal(gaps(&last), 0);
	}
	/* A write to a block of another place does not hide the change. */
	fixture_origin_byte++;
	s = crash();
	mark_block(s, PLACE_BLOCKS);
	open_again(s);
	assert_int_equal(gaps(&last), 1);
}

static void test_change_in_a_time_that_is_a_gap_already_is_no_second_gap(void **state)
{
	struct store_gap last;
	struct store *s;

	(void)state;
	fixture_origin_byte++;
	s = crash();
	assert_int_equal(store_gap(s, ERAD_GAP_DEGRADED, "all writes passed", NULL), 0);
	open_again(s);
	assert_int_equal(gaps(&last), 1);
	assert_int_equal(last.kind, ERAD_GAP_DEGRADED);
}

/* Takes a witness for the era of t, as the process does that has begun this era. */
static void take(const struct token *t, struct witness *w)
{
	struct err err;
	const int fd = seal_open("/dev/sim", false, &err);

	assert_int_equal(witness_take(fd, geometry.nr_sectors * 512, t->era, w, &err), 0);
	close(fd);
}

/*
 * If origins without an identity are exchanged, only the UUID of their content shows it: the start of
 * each origin was written through erad. A write that leaves the UUID as it was is no alarm.
 */
static void test_another_uuid_after_a_crash_is_another_origin_once(void **state)
{
	struct store_gap last;
	struct store *s;

	(void)state;
	fixture_origin_byte++;
	s = crash();
	mark_block(s, 0);
	open_again(s);
	assert_int_equal(gaps(&last), 0);
	for (unsigned int i = 1; i <= 3; i++) {
		fixture_origin_uuid = i % 3;
		s = crash();
		mark_block(s, 0);
		open_again(s);
		assert_int_equal(gaps(&last), i);
		assert_int_equal(last.kind, ERAD_GAP_ORIGIN);
		if (i == 2)
			assert_string_equal(last.detail, "the origin has ext4 with UUID 02000000… now, and had ext4 with UUID 01000000… in era 4");
	}
	open_again(crash());
	assert_int_equal(gaps(&last), 3);
}

/* A device with the same serial number as before is not another device. */
static void test_another_uuid_of_an_origin_with_an_identity_was_written(void **state)
{
	struct identity identity = { .version = htole32(IDENTITY_VERSION), .serial = "serial:1" };
	struct store *s = crash();
	struct store_gap last;

	(void)state;
	assert_int_equal(store_set_item(s, STORE_IDENTITY, (const uint8_t *)&identity, NULL), 0);
	mark_block(s, 0);
	fixture_origin_uuid = 1;
	open_again(s);
	assert_int_equal(gaps(&last), 1);
	assert_int_equal(last.kind, ERAD_GAP_CLOSED);
	fixture_origin_uuid = 0;
}

/* An older erad has taken the witness, and has left zeros where the UUID is now. */
static void test_witness_without_a_uuid_is_no_alarm(void **state)
{
	union {
		uint8_t item[ERAD_HISTORY_ITEM];
		struct witness w;
	} kept;
	struct store *s = crash();
	struct store_gap last;

	(void)state;
	store_item(s, STORE_WITNESS, kept.item);
	assert_int_equal(le32toh(kept.w.content_kind), CONTENT_NONE);
	kept.w.content_kind = 0;
	assert_int_equal(store_set_item(s, STORE_WITNESS, kept.item, NULL), 0);
	mark_block(s, 0);
	fixture_origin_uuid = 1;
	open_again(s);
	assert_int_equal(gaps(&last), 0);
	fixture_origin_uuid = 0;
}

static struct token newest_token(void)
{
	struct store *s = volume_store_get(volume);
	struct store_info info;
	struct token t;

	store_info(s, &info);
	assert_true(store_token(s, info.era, &t));
	volume_store_put(volume);
	return t;
}

static void test_witness_of_a_checkpoint_sees_more_than_that_of_the_open(void **state)
{
	struct store_gap last;
	struct request q;
	struct witness w;
	struct token t;
	struct err err;
	struct store *s;

	(void)state;
	/*
	 * Record a write to block 0. Then the witness of the open is not compared at the place that
	 * contains block 0; only the witness of the checkpoint below is.
	 */
	s = volume_store_get(volume);
	mark_block(s, 0);
	volume_store_put(volume);
	request_ask(&q);
	assert_int_equal(request_answer(&q), 0);
	t = newest_token();
	assert_int_equal(t.era, q.era);
	take(&t, &w);
	assert_int_equal(witness_keep(volume, &t, &w, &err), 0);
	fixture_origin_byte++;
	open_again(crash());
	assert_int_equal(gaps(&last), 1);
	assert_non_null(strstr(last.detail, "without a record since era 3"));

	/* Now t is a token of an earlier activation. The origin may be another device since. */
	assert_int_equal(witness_keep(volume, &t, &w, &err), -ESTALE);
	t = newest_token();
	assert_int_equal(witness_keep(volume, &t, &w, &err), -EINVAL);
	take(&t, &w);
	w.place[0].length = htole32(SEAL_PIECE + 1);
	assert_int_equal(witness_keep(volume, &t, &w, &err), -EINVAL);
	take(&t, &w);
	w.nr = htole32(WITNESS_PLACES + 1);
	assert_int_equal(witness_keep(volume, &t, &w, &err), -EINVAL);
}

static void test_places_behind_the_end_of_the_volume_are_not_compared(void **state)
{
	struct store_gap last;
	struct witness w;
	struct token t = newest_token();
	struct err err;

	(void)state;
	take(&t, &w);
	assert_true(le32toh(w.nr) >= 2);
	for (unsigned int i = 0; i < le32toh(w.nr); i++) {
		w.place[i].offset = htole64(geometry.nr_sectors * 512 - (i ? 4096 : 0));
		w.place[i].hash++;
	}
	assert_int_equal(witness_keep(volume, &t, &w, &err), 0);
	open_again(crash());
	assert_int_equal(gaps(&last), 0);
}

/*
 * A repair may have emptied the journal, and the journal may have contained the begin of this era and
 * the records of writes to the places of the witness. So the witness is not compared.
 */
static void test_witness_of_an_era_that_is_lost_is_not_compared(void **state)
{
	union {
		uint8_t item[ERAD_HISTORY_ITEM];
		struct witness w;
	} kept;
	struct store *s = crash();
	struct store_gap last;
	struct store_info info;

	(void)state;
	store_info(s, &info);
	store_item(s, STORE_WITNESS, kept.item);
	kept.w.era = htole32(info.era + 1);
	assert_int_equal(store_set_item(s, STORE_WITNESS, kept.item, NULL), 0);
	fixture_origin_byte++;
	open_again(s);
	assert_int_equal(gaps(&last), 0);
}

struct newest {
	uint32_t era[4096];
};

static int note_eras(void *ctx, uint64_t first, uint64_t len, uint32_t era)
{
	struct newest *n = ctx;

	for (uint64_t b = first; b < first + len && b < 4096; b++)
		n->era[b] = era;
	return 0;
}

static void test_newest_era_of_blocks_is_that_of_the_list_of_all_eras(void **state)
{
	struct store *s = crash();
	struct newest all;
	uint64_t seed = 7;

	(void)state;
	for (uint32_t era = 3; era < 30; era++) {
		assert_int_equal(store_begin_era(s, era, NULL), 0);
		for (int i = 0; i < 20; i++)
			mark_block(s, rnd_below(&seed, 4096));
		if (era % 4 == 1)
			assert_int_equal(store_fold(s, NULL), 0);
		if (era == 9)
			assert_int_equal(store_gap(s, ERAD_GAP_UNKNOWN, "", NULL), 0);
		memset(&all, 0, sizeof(all));
		assert_int_equal(store_eras(s, STORE_NOW, note_eras, &all, NULL, NULL), 0);
		for (int i = 0; i < 200; i++) {
			const uint64_t len = 1 + rnd_below(&seed, 40), first = rnd_below(&seed, 4096 - len + 1);
			uint32_t got, expected = 0;

			for (uint64_t b = first; b < first + len; b++)
				if (expected < all.era[b])
					expected = all.era[b];
			assert_int_equal(store_newest_era(s, first, len, &got, NULL), 0);
			assert_int_equal(got, expected);
		}
	}
	assert_int_equal(store_newest_era(s, SIM_BLOCKS - 1, 2, &(uint32_t){ 0 }, NULL), -ERANGE);
	assert_int_equal(store_newest_era(s, SIM_BLOCKS - 1, 1, &(uint32_t){ 0 }, NULL), 0);
	assert_int_equal(store_newest_era(s, 0, 0, &(uint32_t){ 0 }, NULL), -ERANGE);
	open_again(s);
}

/* New metadata gets its witness at the second open. */
static int set_up(void **state)
{
	fixture_set_up(state);
	open_again(crash());
	return 0;
}

#define with_volume(test)	cmocka_unit_test_setup_teardown(test, set_up, fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_volume(test_crash_without_a_write_past_erad_makes_no_gap),
		with_volume(test_write_past_erad_after_a_crash_is_a_gap_once),
		with_volume(test_write_through_erad_is_no_gap),
		with_volume(test_change_in_a_time_that_is_a_gap_already_is_no_second_gap),
		with_volume(test_another_uuid_after_a_crash_is_another_origin_once),
		with_volume(test_another_uuid_of_an_origin_with_an_identity_was_written),
		with_volume(test_witness_without_a_uuid_is_no_alarm),
		with_volume(test_witness_of_a_checkpoint_sees_more_than_that_of_the_open),
		with_volume(test_places_behind_the_end_of_the_volume_are_not_compared),
		with_volume(test_witness_of_an_era_that_is_lost_is_not_compared),
		with_volume(test_newest_era_of_blocks_is_that_of_the_list_of_all_eras),
	};

	return cmocka_run_group_tests(tests, fixture_start_registry, NULL);
}
