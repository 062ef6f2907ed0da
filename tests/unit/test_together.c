// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A checkpoint of two volumes: one with a stand-in for the module, and one whose part the test
 * plays.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "erad/base/thread.h"
#include "erad/request/together.h"
#include "erad/volume/registry.h"
#include "erad/volume/together.h"
#include "instance_sim.h"
#include "volume_fixture.h"

#define US	0u		/* the volume of the fixture */
#define OTHER	1u		/* the volume whose part the test plays */
#define SHORT_MS	10000u	/* longer than any wait for a lock that no hanging volume keeps */

static struct volume *other;
static struct disk other_disk;
static struct together_member member[2];
static struct together both;

/* Makes the other volume, with metadata in era 1, and without a volume thread. */
static void make_other(void)
{
	static const uint8_t uuid[16] = { 4, 5, 6 };
	struct store_geometry g = geometry;
	struct engine *e;
	struct store *s;
	struct err err;

	memcpy(g.uuid, uuid, sizeof(g.uuid));
	disk_init(&other_disk, store_size(&g, NULL));
	e = disk_engine(&other_disk);
	assert_int_equal(store_format(e, &g, NULL, NULL, NULL), 0);
	engine_destroy(e);
	assert_int_equal(store_open(disk_engine(&other_disk), STORE_WRITE, &s, &err), 0);
	assert_int_equal(store_checkpoint(s, 1, &err), 0);
	assert_int_equal(volume_new("other", "/dev/null", "/dev/null", uuid, s, &other, &err), 0);
}

static int set_up(void **state)
{
	(void)state;
	make_other();
	fixture_begin();
	/* check_metadata() looks for the file of the metadata, so name a file that exists. */
	free(volume->metadata);
	volume->metadata = strdup("/dev/null");
	fixture_start();
	memset(member, 0, sizeof(member));
	member[US].volume = volume;
	member[OTHER].volume = other;
	together_init(&both, member, 2);
	return 0;
}

static int tear_down(void **state)
{
	together_free(&both);
	if (other->fd >= 0)
		close(other->fd);
	other->fd = -1;
	store_close(volume_store_take(other), false, NULL);
	volume_unref(other);
	disk_destroy(&other_disk);
	return fixture_tear_down(state);
}

/* Starts the checkpoint in the fixture's volume, under load. */
static void begin(void)
{
	struct checkpoint c = { .together = &both, .member = US };
	struct err err;

	sim_load(8, 20, 20);
	pthread_mutex_lock(&volume->checkpoint_lock);
	assert_int_equal(checkpoint_prepare(volume, &c, &err), 0);
	assert_int_equal(checkpoint_request(volume, &c, &err), 0);
}

/* Waits for the end of the checkpoint in the fixture's volume. Returns its result. */
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

/*
 * Starts the checkpoint, and returns when the fixture's volume has flipped and the other volume has
 * not.
 */
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
	/* The target has begun era 2 already, so the next checkpoint begins era 3. */
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

/* ---- a request for both volumes, from another thread ---- */

static struct both_request {
	pthread_t thread;
	int result;
	uint32_t era[2];
	struct err err;
} asked;

static void *both_thread(void *arg)
{
	struct volume *v[] = { [US] = volume, [OTHER] = other };

	(void)arg;
	asked.result = volume_checkpoint_together(v, 2, asked.era, &asked.err);
	return NULL;
}

/* Makes the other volume ready for a checkpoint. */
static void ready_other(void)
{
	pthread_mutex_lock(&volume->lock);
	pthread_mutex_lock(&other->lock);
	/* Use the fd of the fixture's volume: its stand-in for the module prepares the next era. */
	other->fd = fcntl(volume->fd, F_DUPFD_CLOEXEC, 0);
	other->info = volume->info;
	other->ready = true;
	pthread_mutex_unlock(&other->lock);
	pthread_mutex_unlock(&volume->lock);
}

static void ask_both(void *(*fn)(void *))
{
	asked = (struct both_request){ 0 };
	assert_int_equal(pthread_create(&asked.thread, NULL, fn, NULL), 0);
}

static int both_answer(void)
{
	pthread_join(asked.thread, NULL);
	return asked.result;
}

/* Waits until the other volume is asked for a checkpoint. */
static struct checkpoint other_is_asked(void)
{
	const uint64_t until = thread_now_ms() + LONG_MS;
	struct checkpoint c;

	do {
		assert_true(thread_now_ms() < until);
		usleep(100);
		pthread_mutex_lock(&other->lock);
		c = other->checkpoint;
		pthread_mutex_unlock(&other->lock);
	} while (c.phase != CHECKPOINT_WANTED);
	return c;
}

/* Ends the checkpoint of the other volume, as its volume thread would. */
static void end_other(const struct checkpoint *c, int result, bool again)
{
	struct err err;

	err_set(&err, result, "it is broken");
	if (c->together && result)
		together_fail(c->together, c->member, result, &err);
	pthread_mutex_lock(&other->lock);
	other->checkpoint.result = result;
	other->checkpoint.err = err;
	other->checkpoint.again = again;
	other->checkpoint.to = c->prepared;
	if (!result)
		other->info.era = c->prepared;
	other->checkpoint.phase = CHECKPOINT_DONE;
	pthread_cond_broadcast(&other->changed);
	pthread_mutex_unlock(&other->lock);
	if (c->together)
		together_ended(c->together, c->member);
}

/*
 * Lets the other volume arrive. Returns when the fixture's volume has flipped and the other volume
 * has not.
 */
static void gather_other(const struct checkpoint *c)
{
	uint64_t until;

	assert_non_null(c->together);
	/* The volume thread may arrive later than the other volume. */
	together_arrive(c->together, c->member, TOGETHER_GATHER, &until);
	wait_for_phase(CHECKPOINT_HELD);
}

static void flip_other(const struct checkpoint *c)
{
	uint64_t until;

	while (together_arrive(c->together, c->member, TOGETHER_FLIP, &until) == TOGETHER_FLIP)
		usleep(100);
}

/* Asserts that the fixture's volume can have a checkpoint of its own now. */
static void have_own_checkpoint(uint32_t era)
{
	struct request q;
	struct err err;

	assert_int_equal(checkpoint_lock_take(volume, thread_now_ms() + SHORT_MS, &err), 0);
	pthread_mutex_unlock(&volume->checkpoint_lock);
	request_ask(&q);
	assert_int_equal(request_answer(&q), 0);
	assert_int_equal(q.era, era);
}

static void test_others_can_have_a_checkpoint_while_the_metadata_of_one_still_hangs(void **state)
{
	struct checkpoint c;

	(void)state;
	ready_other();
	ask_both(both_thread);
	c = other_is_asked();
	gather_other(&c);
	pthread_mutex_lock(&c.together->lock);
	c.together->deadline = thread_now_ms();
	pthread_mutex_unlock(&c.together->lock);
	volume_kick(volume);
	have_own_checkpoint(3);
	assert_int_equal(pthread_mutex_trylock(&other->checkpoint_lock), EBUSY);
	end_other(&c, -EIO, false);
	assert_int_equal(both_answer(), -ETIMEDOUT);
	assert_non_null(strstr(asked.err.msg, "volume other: it has not begun its new era"));
}

static void test_others_can_have_a_checkpoint_while_one_catches_up_with_its_metadata(void **state)
{
	struct checkpoint c;
	struct err err;

	(void)state;
	ready_other();
	assert_int_equal(store_checkpoint(other->store, 2, &err), 0);
	ask_both(both_thread);
	c = other_is_asked();
	assert_null(c.together);
	have_own_checkpoint(2);
	/*
	 * Let the target of the other volume be in an unexpected era: then the other volume is
	 * asked for one more checkpoint of its own.
	 */
	end_other(&c, -EAGAIN, true);
	c = other_is_asked();
	assert_null(c.together);
	have_own_checkpoint(3);
	end_other(&c, 0, false);
	c = other_is_asked();
	gather_other(&c);
	flip_other(&c);
	end_other(&c, 0, false);
	assert_int_equal(both_answer(), 0);
	assert_int_equal(asked.era[US], 4);
	assert_int_equal(asked.era[OTHER], 3);
}

static void test_checkpoint_is_tried_again_with_all_locks_after_an_unexpected_era(void **state)
{
	struct checkpoint c;

	(void)state;
	ready_other();
	ask_both(both_thread);
	c = other_is_asked();
	end_other(&c, -EAGAIN, true);
	c = other_is_asked();
	assert_int_equal(pthread_mutex_trylock(&volume->checkpoint_lock), EBUSY);
	assert_int_equal(pthread_mutex_trylock(&other->checkpoint_lock), EBUSY);
	gather_other(&c);
	flip_other(&c);
	end_other(&c, 0, false);
	assert_int_equal(both_answer(), 0);
	assert_int_equal(asked.era[US], 2);
	assert_int_equal(asked.era[OTHER], 2);
}

static void test_others_can_have_a_checkpoint_while_one_is_looked_at(void **state)
{
	struct checkpoint c;

	(void)state;
	ready_other();
	/* Locks are taken in the order of the names, and the fixture's volume must come first. */
	strcpy(other->name, "the other");
	pthread_mutex_lock(&other->past_lock);
	ask_both(both_thread);
	while (!atomic_load(&other->waiting))
		usleep(100);
	have_own_checkpoint(2);
	assert_int_equal(pthread_mutex_trylock(&other->checkpoint_lock), 0);
	pthread_mutex_unlock(&other->checkpoint_lock);
	pthread_mutex_unlock(&other->past_lock);
	c = other_is_asked();
	end_other(&c, -EIO, false);
	assert_int_equal(both_answer(), -EIO);
}

static void test_volume_ends_though_a_snapshot_waits_for_a_lock_that_is_never_released(void **state)
{
	bool ended;

	(void)state;
	pthread_mutex_lock(&volume->checkpoint_lock);
	/* The message thread waits for the lock, and has a reference to the store. */
	sim_message(ERAD_MESSAGE_TAKE_SNAPSHOT);
	volume_kick(volume);
	while (!atomic_load(&volume->waiting))
		usleep(100);
	sim_remove();
	volume_kick(volume);
	ended = volume_wait_ended(volume, SHORT_MS);
	pthread_mutex_unlock(&volume->checkpoint_lock);
	assert_true(ended);
}

static void *json_thread(void *arg)
{
	struct json_object *o = json_tokener_parse("{\"volumes\": [\"sim\", \"other\"]}"), *result = NULL;

	(void)arg;
	asked.result = request_checkpoint_together(o, &result, &asked.err);
	if (result)
		json_object_put(result);
	json_object_put(o);
	return NULL;
}

static void test_volume_that_is_closed_before_the_others_end_fails_the_request(void **state)
{
	struct checkpoint c;
	struct err err;

	(void)state;
	ready_other();
	assert_int_equal(volumes_add(other, &err), 0);
	ask_both(json_thread);
	c = other_is_asked();
	gather_other(&c);
	flip_other(&c);
	/* When the fixture's volume has ended its part, its checkpoint lock is free. */
	assert_int_equal(checkpoint_lock_take(volume, thread_now_ms() + SHORT_MS, &err), 0);
	pthread_mutex_unlock(&volume->checkpoint_lock);
	sim_remove();
	volume_kick(volume);
	assert_true(volume_wait_ended(volume, LONG_MS));
	end_other(&c, 0, false);
	assert_int_equal(both_answer(), -ENODEV);
	volumes_remove(other);
	assert_non_null(strstr(asked.err.msg, "volume sim: it was closed before the checkpoint of all volumes had ended"));
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
		with_volume(test_others_can_have_a_checkpoint_while_the_metadata_of_one_still_hangs),
		with_volume(test_others_can_have_a_checkpoint_while_one_catches_up_with_its_metadata),
		with_volume(test_checkpoint_is_tried_again_with_all_locks_after_an_unexpected_era),
		with_volume(test_others_can_have_a_checkpoint_while_one_is_looked_at),
		with_volume(test_volume_ends_though_a_snapshot_waits_for_a_lock_that_is_never_released),
		with_volume(test_volume_that_is_closed_before_the_others_end_fails_the_request),
	};

	return cmocka_run_group_tests(tests, fixture_start_registry, NULL);
}
