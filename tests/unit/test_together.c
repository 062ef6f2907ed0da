// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A checkpoint of two volumes: one with a stand-in for the module, and one whose part the test
 * plays.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "erad/base/thread.h"
#include "erad/volume/together.h"
#include "instance_sim.h"
#include "volume_fixture.h"

#define US	0u		/* the volume of the fixture */
#define OTHER	1u		/* the volume whose part the test plays */

static struct volume other = { .name = "other" };
static struct together_member member[2];
static struct together both;

static int set_up(void **state)
{
	other.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fixture_set_up(state);
	memset(member, 0, sizeof(member));
	member[US].volume = volume;
	member[OTHER].volume = &other;
	together_init(&both, member, 2);
	return 0;
}

static int tear_down(void **state)
{
	together_free(&both);
	close(other.event_fd);
	return fixture_tear_down(state);
}

/* Starts the part of the fixture's volume, under load. */
static void begin(void)
{
	struct checkpoint c = { .together = &both, .member = US };
	struct err err;

	sim_load(8, 20, 20);
	pthread_mutex_lock(&volume->checkpoint_lock);
	assert_int_equal(checkpoint_prepare(volume, &c, &err), 0);
	assert_int_equal(checkpoint_request(volume, &c, &err), 0);
}

/* Waits for the end of the volume's part.  Returns its result. */
static int end(uint32_t *era)
{
	struct err err;
	bool again;
	int r;

	assert_int_equal(together_wait(&both), US);
	r = checkpoint_collect(volume, era, &again, &err);
	assert_false(again);
	pthread_mutex_unlock(&volume->checkpoint_lock);
	return r;
}

static enum together_stage arrive(enum together_stage stage)
{
	uint64_t until;

	return together_arrive(&both, OTHER, stage, &until);
}

static bool has_gathered(void)
{
	bool there;

	pthread_mutex_lock(&both.lock);
	there = member[US].there;
	pthread_mutex_unlock(&both.lock);
	return there;
}

static void wait_for_commits(void)
{
	const uint64_t before = sim_count().commits;

	while (sim_count().commits < before + 20)
		usleep(100);
}

/* Goes on until the volume has flipped, and the other one has not. */
static void hold(void)
{
	begin();
	while (!has_gathered())
		usleep(100);
	arrive(TOGETHER_GATHER);
	wait_for_phase(CHECKPOINT_HELD);
}

static void test_writes_are_served_until_all_are_ready_and_after_all_have_flipped(void **state)
{
	struct sim_count held;
	uint32_t era = 0;

	(void)state;
	begin();
	while (!has_gathered())
		usleep(100);
	wait_for_commits();
	assert_int_equal(durable_era(), 1);
	assert_int_equal(arrive(TOGETHER_GATHER), TOGETHER_FLIP);
	wait_for_phase(CHECKPOINT_HELD);
	held = sim_count();
	assert_int_equal(held.commits, held.flipped);
	/* Kick the thread, and let time pass: it commits nothing. */
	for (unsigned int i = 0; i < 20; i++) {
		volume_kick(volume);
		usleep(2000);
	}
	assert_int_equal(sim_count().commits, held.commits);
	assert_int_equal(checkpoint_phase_now(), CHECKPOINT_HELD);
	assert_int_equal(arrive(TOGETHER_FLIP), TOGETHER_FLIPPED);
	assert_int_equal(end(&era), 0);
	assert_int_equal(era, 2);
	assert_int_equal(both.result, 0);
	wait_for_commits();
}

static void test_writes_are_served_at_once_when_another_volume_fails(void **state)
{
	struct err err;
	uint32_t era;

	(void)state;
	hold();
	err_set(&err, 0, "it is broken");
	together_fail(&both, OTHER, -EIO, &err);
	assert_int_equal(end(&era), -ECANCELED);
	assert_int_equal(both.result, -EIO);
	assert_string_equal(both.err.msg, "volume other: it is broken");
	wait_for_commits();
	/* The target has begun the era, so the next checkpoint begins the one after it. */
	sim_load(0, 20, 20);
	assert_int_equal(durable_era(), 2);
}

static void test_failure_before_all_are_ready_begins_no_era(void **state)
{
	uint32_t era;

	(void)state;
	begin();
	/* On a busy machine, the thread may start late.  The error must name the other volume. */
	while (!has_gathered())
		usleep(100);
	pthread_mutex_lock(&both.lock);
	both.deadline = thread_now_ms();
	pthread_mutex_unlock(&both.lock);
	volume_kick(volume);
	assert_int_equal(end(&era), -ECANCELED);
	assert_int_equal(both.result, -ETIMEDOUT);
	assert_non_null(strstr(both.err.msg, "volume other: it was not ready"));
	assert_int_equal(durable_era(), 1);
	wait_for_commits();
}

static void test_hold_ends_when_its_time_is_over(void **state)
{
	uint64_t began;
	uint32_t era;

	(void)state;
	hold();
	began = thread_now_ms();
	assert_int_equal(end(&era), -ECANCELED);
	assert_in_range(thread_now_ms() - began, 3000, 30000);
	assert_non_null(strstr(both.err.msg, "volume other: it has not begun its new era within 5 seconds"));
	wait_for_commits();
}

static void test_writes_that_pass_during_the_hold_fail_the_checkpoint(void **state)
{
	uint32_t era;

	(void)state;
	hold();
	sim_pass_all();
	arrive(TOGETHER_FLIP);
	assert_true(end(&era) < 0);
	assert_true(both.result < 0);
	assert_non_null(strstr(both.err.msg, "volume sim: "));
	/* The volume attaches again, and every block counts as written. */
	while (!look_at_store().floor_era)
		usleep(1000);
}

static void test_removed_target_fails_the_checkpoint(void **state)
{
	uint32_t era;

	(void)state;
	hold();
	sim_remove();
	volume_kick(volume);
	assert_true(end(&era) < 0);
	assert_true(both.result < 0);
	assert_int_equal(arrive(TOGETHER_FLIP), TOGETHER_FAILED);
	assert_true(volume_wait_ended(volume, LONG_MS));
}

#define with_volume(test)	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_volume(test_writes_are_served_until_all_are_ready_and_after_all_have_flipped),
		with_volume(test_writes_are_served_at_once_when_another_volume_fails),
		with_volume(test_failure_before_all_are_ready_begins_no_era),
		with_volume(test_hold_ends_when_its_time_is_over),
		with_volume(test_writes_that_pass_during_the_hold_fail_the_checkpoint),
		with_volume(test_removed_target_fails_the_checkpoint),
	};

	return cmocka_run_group_tests(tests, fixture_start_registry, NULL);
}
