// SPDX-License-Identifier: GPL-2.0-or-later
/* Operations on a volume whose target has just been removed, or has no open volume yet. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "erad/ops/closed.h"
#include "erad/ops/forget.h"
#include "erad/ops/open.h"
#include "erad/request/diff.h"
#include "erad/request/dump.h"
#include "erad/volume/registry.h"
#include "ops_fixture.h"
#include "volume_fixture.h"

/* Opens the volume, and returns how many gaps its metadata has. */
static uint64_t gaps_after_open(void)
{
	struct store_info info;
	struct volume *v;
	struct err err;

	if (op_open("data", &(struct open_choice){ 0 }, &v, &err))
		fail_msg("%s", err.msg);
	store_info(volume_store_get(v), &info);
	volume_store_put(v);
	volume_unref(v);
	return info.gaps;
}

/* Removes the device as `dmsetup remove` does, before erad has noticed it. */
static void remove_device_unnoticed(void)
{
	sim_remove_unnoticed();
	sim.device_exists = false;
	assert_true(volumes_have("data"));
}

static void test_a_volume_whose_device_was_just_removed_is_not_taken_for_an_open_one(void **state)
{
	struct forgotten forgotten;
	struct volume *v;
	struct err err;

	(void)state;
	create_data();
	remove_device_unnoticed();
	assert_int_equal(gaps_after_open(), 0);
	assert_int_equal(sim.creates, 2);
	/* Without a removal, the volume stays open. */
	assert_int_equal(gaps_after_open(), 0);
	assert_int_equal(sim.creates, 2);
	remove_device_unnoticed();
	assert_int_equal(op_create(create_args_of_data(), &v, &err), -EEXIST);
	assert_sentence(&err, "already has a volume of this name");
	assert_int_equal(gaps_after_open(), 0);
	remove_device_unnoticed();
	if (op_forget("data", &forgotten, &err))
		fail_msg("%s", err.msg);
	free(forgotten.metadata);
}

static void test_a_close_waits_until_the_volumes_own_target_has_released_the_origin(void **state)
{
	(void)state;
	create_data();
	close_data();
	assert_int_equal(gaps_after_open(), 0);
	/*
	 * The target of the volume itself keeps the origin busy for 30 attempts. The close waits
	 * longer for it than for another user.
	 */
	fixture_busy_claims = 30;
	fixture_busy_own = true;
	close_data();
	assert_int_equal(fixture_busy_claims, 0);
	assert_int_equal(gaps_after_open(), 0);
	/* Another user keeps the origin busy: the close stops trying after 20 attempts. */
	fixture_busy_claims = 30;
	fixture_busy_own = false;
	close_data();
	assert_int_equal(fixture_busy_claims, 10);
	fixture_busy_claims = 0;
	assert_int_equal(gaps_after_open(), 1);
}

static void check_closed_store(int expected)
{
	struct store *s;
	struct err err;

	assert_int_equal(op_open_closed("data", &s, NULL, &err), expected);
	if (!expected)
		store_close(s, false, NULL);
}

static void test_the_metadata_of_a_live_target_is_not_read_as_that_of_a_closed_volume(void **state)
{
	struct json_object *answer;
	uint8_t uuid[16];
	struct volume *v;
	struct err err;

	(void)state;
	create_data();
	v = volumes_get("data");
	memcpy(uuid, v->uuid, sizeof(uuid));
	volume_unref(v);
	close_data();
	check_closed_store(0);
	/*
	 * Make a target as an erad that was killed leaves it. No adopter opens a volume for this
	 * target.
	 */
	sim_start(uuid);
	check_closed_store(-EAGAIN);
	for (enum store_view view = STORE_NOW; view <= STORE_SNAPSHOT; view++) {
		assert_int_equal(request_diff(NULL, "data", 1, NULL, view, &answer, &err), -EAGAIN);
		assert_sentence(&err, "is live with the UUID of the metadata; try again");
		assert_int_equal(request_dump(NULL, "data", view, DUMP_MOMENT, &answer, &err), -EAGAIN);
	}
	/* Make a target of another volume. */
	uuid[0]++;
	sim_start(uuid);
	check_closed_store(0);
	sim_remove();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_files(test_a_volume_whose_device_was_just_removed_is_not_taken_for_an_open_one),
		with_files(test_a_close_waits_until_the_volumes_own_target_has_released_the_origin),
		with_files(test_the_metadata_of_a_live_target_is_not_read_as_that_of_a_closed_volume),
	};

	return cmocka_run_group_tests(tests, fixture_start_registry, NULL);
}
