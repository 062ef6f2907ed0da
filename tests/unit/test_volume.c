// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The volume thread, with a stand-in for the module: how soon it serves requests, drains and
 * messages under load, and what it does when the target, the metadata or a memory allocation fails.
 */
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "erad/volume/commit.h"
#include "erad/volume/registry.h"
#include "erad/volume/table_note.h"
#include "instance_sim.h"
#include "store/history.h"
#include "volume_fixture.h"

/* How many commits may pass before the volume thread reacts, as commit.c and erad(8) promise. */
#define UNTIL_SEEN	2u	/* limits for a stop, for a request, and for the end of a drain */
#define UNTIL_MESSAGE	5u
/* ---- load ---- */

struct load {
	unsigned int writers, origin, metadata;
};

/* Calls fn for 1 to 64 writers, and for metadata that is slower than the origin, as fast as the origin, and faster. */
static void for_each_load(void (*fn)(const struct load *))
{
	static const unsigned int speed[][2] = { { 20, 100 }, { 20, 20 }, { 100, 5 } };

	for (unsigned int writers = 1; writers <= SIM_WRITERS; writers *= 2) {
		for (unsigned int i = 0; i < 3; i++) {
			const struct load l = { writers, speed[i][0], speed[i][1] };

			fixture_begin();
			fixture_start();
			sim_load(l.writers, l.origin, l.metadata);
			fn(&l);
			fixture_end();
		}
	}
}

static void assert_bound(const struct load *l, const char *what, uint64_t commits, uint64_t bound)
{
	if (commits > bound)
		fail_msg("%u writers, a write takes %u steps and a commit %u: %s after %llu commits, expected at most %llu",
			 l->writers, l->origin, l->metadata, what, (unsigned long long)commits,
			 (unsigned long long)bound);
}

static void checkpoint_under_load(const struct load *l)
{
	struct sim_count before, after;
	struct request q;

	sim_pause();
	before = sim_count();
	request_ask(&q);
	wait_for_phase(CHECKPOINT_WANTED);
	while (!atomic_load(&volume->attention))
		usleep(100);
	sim_go();
	assert_int_equal(request_answer(&q), 0);
	assert_int_equal(q.era, 2);
	after = sim_count();
	assert_bound(l, "the new era began", after.flipped - before.commits, UNTIL_SEEN);
	assert_bound(l, "the end of the drain was seen", after.begun - after.drained, UNTIL_SEEN);
}

static void test_checkpoint_under_load_waits_for_few_commits(void **state)
{
	(void)state;
	for_each_load(checkpoint_under_load);
}

static void message_under_load(const struct load *l)
{
	struct sim_count before;
	uint32_t era;

	sim_pause();
	before = sim_count();
	sim_message(ERAD_MESSAGE_CHECKPOINT);
	sim_go();
	assert_int_equal(sim_reply(&era), 0);
	assert_int_equal(era, 2);
	assert_bound(l, "the message was seen", sim_count().message - before.commits, UNTIL_MESSAGE);
}

static void test_message_under_load_waits_for_few_commits(void **state)
{
	(void)state;
	for_each_load(message_under_load);
}

static void stop_under_load(const struct load *l)
{
	struct sim_count before;

	sim_pause();
	before = sim_count();
	volume_stop(volume);
	sim_go();
	assert_true(volume_wait_ended(volume, LONG_MS));
	assert_bound(l, "the volume let go of its target", sim_count().commits - before.commits, UNTIL_SEEN);
}

static void test_stop_under_load_waits_for_few_commits(void **state)
{
	(void)state;
	for_each_load(stop_under_load);
}

/* ---- drains that never end ---- */

static void test_writes_are_served_while_a_drain_does_not_end(void **state)
{
	struct request q;
	uint64_t before;

	(void)state;
	begin_endless_drain(&q);
	before = sim_count().commits;
	while (sim_count().commits < before + 100)
		usleep(100);
	assert_int_equal(checkpoint_phase_now(), CHECKPOINT_DRAIN);
	sim_unstick();
	assert_int_equal(request_answer(&q), 0);
}

static bool era_is_complete(uint32_t era)
{
	bool ret;

	pthread_mutex_lock(&volume->lock);
	ret = volume_era_is_complete(volume, era);
	pthread_mutex_unlock(&volume->lock);
	return ret;
}

/*
 * While the target drains an era, the metadata has begun the next era already, but a write of the
 * old era may still complete.
 */
static void test_an_era_is_complete_after_the_drain_only(void **state)
{
	struct request q;

	(void)state;
	assert_true(era_is_complete(1));
	begin_endless_drain(&q);
	assert_int_equal(durable_era(), 2);
	assert_true(era_is_complete(1));
	assert_false(era_is_complete(2));
	sim_unstick();
	assert_int_equal(request_answer(&q), 0);
	assert_true(era_is_complete(2));
	assert_false(era_is_complete(3));
}

static void test_stop_ends_a_checkpoint_whose_drain_does_not_end(void **state)
{
	struct request q;

	(void)state;
	begin_endless_drain(&q);
	volume_stop(volume);
	assert_int_equal(request_answer(&q), -EAGAIN);
	assert_non_null(strstr(q.err.msg, "request the checkpoint again"));
	assert_true(volume_wait_ended(volume, LONG_MS));
}

static void test_removal_ends_a_checkpoint_whose_drain_does_not_end(void **state)
{
	struct request q;

	(void)state;
	begin_endless_drain(&q);
	sim_remove();
	assert_int_equal(request_answer(&q), -EAGAIN);
}

static void test_reload_ends_a_checkpoint_whose_drain_does_not_end(void **state)
{
	struct request q;

	(void)state;
	begin_endless_drain(&q);
	sim_reload();
	volume_kick(volume);
	assert_int_equal(request_answer(&q), -EAGAIN);
	/* Begins the first era of the new target, and then the next era. */
	sim_unstick();
	while (volume_checkpoint(volume, &q.era, &q.err) == -EAGAIN)
		usleep(1000);
	assert_int_equal(q.era, 4);
}

/* ---- calls that fail ---- */

static void test_stale_batch_is_fetched_and_recorded_again(void **state)
{
	(void)state;
	sim_fail_calls(SIM_COMMIT, -ESTALE, 3);
	sim_load(8, 20, 20);
	while (sim_count().commits < 50)
		usleep(100);
	assert_int_equal(sim_calls(SIM_ATTACH), 1);
}

static void test_commit_that_finds_no_target_closes_the_volume(void **state)
{
	struct store *s;
	struct store_info info;

	(void)state;
	fixture_begin();
	fixture_start();
	sim_load(8, 20, 20);
	sim_pause();
	sim_remove();
	sim_go();
	assert_true(volume_wait_ended(volume, LONG_MS));
	s = fixture_open_store(STORE_READ);
	store_info(s, &info);
	assert_true(info.clean);
	store_close(s, false, NULL);
	fixture_end();
}

static bool mark_fails(void)
{
	bool fails;

	pthread_mutex_lock(&volume->lock);
	fails = volume->mark_trouble.since_ms;
	pthread_mutex_unlock(&volume->lock);
	return fails;
}

static uint64_t count_operations(void)
{
	uint64_t ops;

	pthread_mutex_lock(&disk.lock);
	ops = disk.ops;
	pthread_mutex_unlock(&disk.lock);
	return ops;
}

/* Waits for the next operation of the metadata. */
static void wait_for_operation(void)
{
	const uint64_t before = count_operations();

	do
		usleep(1000);
	while (count_operations() == before);
}

/* The target is removed while the metadata fails. held: a write waits at this time. */
static void close_with_short_failure(bool held)
{
	uint8_t seal[ERAD_HISTORY_SEAL], note[ERAD_HISTORY_ITEM];
	struct store_info info;
	struct store *s;

	fixture_begin();
	fixture_start();
	fail_disk(true);
	if (held) {
		sim_stuck_write();
		while (!mark_fails())
			usleep(1000);
	}
	sim_remove();
	volume_kick(volume);
	wait_for_operation();
	fail_disk(false);
	assert_true(volume_wait_ended(volume, LONG_MS));
	assert_int_equal(volume->close_code, 0);
	s = fixture_open_store(STORE_READ);
	store_info(s, &info);
	assert_true(info.clean);
	assert_int_equal(store_seal(s, seal), 0);
	store_item(s, STORE_TABLE_NOTE, note);
	assert_int_equal(le32toh(((const struct table_note *)note)->state), NOTE_GONE);
	store_close(s, false, NULL);
	fixture_end();
}

static void test_a_close_notes_the_end_once_the_metadata_works_again(void **state)
{
	(void)state;
	close_with_short_failure(false);
	close_with_short_failure(true);
}

static void test_commit_that_fails_is_made_again_on_the_same_target(void **state)
{
	(void)state;
	sim_fail_calls(SIM_COMMIT, -EFAULT, 1);
	sim_load(2, 20, 20);
	while (sim_count().commits < 50)
		usleep(1000);
	assert_int_equal(sim_calls(SIM_ATTACH), 2);
}

static void test_attach_that_fails_is_tried_again(void **state)
{
	struct err err;

	(void)state;
	fixture_begin();
	sim_fail_calls(SIM_ATTACH, -EBUSY, 2);
	assert_int_equal(volume_start(volume, false, &err), 0);
	assert_int_equal(volume_wait_settled(volume, LONG_MS, &err), -EIO);
	assert_non_null(strstr(err.msg, "another process owns the target"));
	while (volume_wait_settled(volume, LONG_MS, &err))
		usleep(1000);
	assert_int_equal(sim_calls(SIM_ATTACH), 3);
	fixture_end();
}

static void test_attach_beside_a_prepare_says_what_owns_the_target(void **state)
{
	bool said = false, preparing;
	struct request q;

	(void)state;
	sim_slow_prepare(UINT32_MAX);
	request_ask(&q);
	/*
	 * The attach has made the first call of PREPARE_ERA. Wait for the call of the checkpoint.
	 */
	while (sim_calls(SIM_PREPARE_ERA) < 2)
		usleep(1000);
	sim_fail_calls(SIM_COMMIT, -EFAULT, 1);
	sim_load(2, 20, 20);
	while (sim_calls(SIM_ATTACH) < 2)
		usleep(1000);
	while (!said) {
		pthread_mutex_lock(&volume->lock);
		said = volume->attach_trouble.since_ms;
		preparing = strstr(volume->attach_trouble.err.msg, "an earlier checkpoint still waits");
		pthread_mutex_unlock(&volume->lock);
		usleep(1000);
	}
	assert_true(preparing);
	sim_slow_prepare(0);
	request_answer(&q);
	while (sim_count().commits < 50)
		usleep(1000);
}

static void test_after_a_degrade_all_blocks_count_and_writes_are_recorded_again(void **state)
{
	struct request q;
	uint64_t commits;

	(void)state;
	sim_load(8, 20, 5);
	while (sim_count().commits < 50)
		usleep(1000);
	sim_pass_all();
	while (look_at_store().floor_era != 1 || look_at_store().degraded)
		usleep(1000);
	assert_int_equal(look_at_store().era, 2);
	commits = sim_count().commits;
	while (sim_count().commits < commits + 50)
		usleep(1000);
	request_ask(&q);
	assert_int_equal(request_answer(&q), 0);
	assert_int_equal(look_at_store().floor_era, 1);
}

/*
 * The event that erad must look at ends the attachment.  While the next attach fails, the thread
 * tries again from time to time, and does not use a processor in between.
 */
static void test_a_thread_that_cannot_attach_again_waits(void **state)
{
	unsigned int before;
	bool detached;

	(void)state;
	fail_disk(true);
	sim_pass_all();
	do {
		usleep(1000);
		pthread_mutex_lock(&volume->lock);
		detached = volume->fd < 0 && volume->attach_trouble.since_ms;
		pthread_mutex_unlock(&volume->lock);
	} while (!detached);
	before = sim_polls();
	usleep(200000);
	assert_in_range(sim_polls() - before, 0, 100);
	/* The target passes all writes, so era 1 is not complete. */
	assert_false(era_is_complete(1));
	fail_disk(false);
	while (look_at_store().floor_era != 1 || look_at_store().degraded)
		usleep(1000);
}

static void test_metadata_that_fails_delays_writes_and_fails_checkpoints(void **state)
{
	struct request q;

	(void)state;
	fail_disk(true);
	sim_stuck_write();
	request_ask(&q);
	assert_int_equal(request_answer(&q), -EIO);
	assert_int_equal(sim_count().commits, 0);
	fail_disk(false);
	while (!sim_count().commits)
		usleep(1000);
	sim_unstick();
	request_ask(&q);
	assert_int_equal(request_answer(&q), 0);
}

/*
 * Makes the volume thread look at its instances 20 times under load.  fixture_end() checks that the
 * thread has not called the heap.
 */
static void test_look_at_the_targets_calls_no_heap(void **state)
{
	(void)state;
	sim_load(1, 10, 10);
	for (unsigned int i = 0; i < 20; i++) {
		const uint64_t before = sim_count().commits;

		volume_kick(volume);
		while (atomic_load(&volume->attention) || sim_count().commits < before + 10)
			usleep(100);
	}
}

static void test_second_volume_with_the_same_uuid_is_refused(void **state)
{
	struct volume *second;
	struct err err;

	(void)state;
	assert_int_equal(volume_new("second", "/dev/null", "copy", geometry.uuid, NULL, &second, &err), 0);
	assert_int_equal(volumes_add(second, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "volume sim, which is open"));
	assert_null(volumes_get("second"));
	volume_unref(second);
}

/* ---- how often the state changes ---- */

/* Returns how often the volume has entered a state. */
static unsigned int count_states(void)
{
	unsigned int n;

	pthread_mutex_lock(&volume->lock);
	n = volume_count_states(volume);
	pthread_mutex_unlock(&volume->lock);
	return n;
}

/* Waits until erad has attached n times, and serves writes. */
static void wait_for_attach(unsigned int n)
{
	struct err err;

	while (sim_calls(SIM_ATTACH) < n || volume_wait_settled(volume, LONG_MS, &err))
		usleep(1000);
}

static void test_reload_counts_the_state_between_two_targets(void **state)
{
	const unsigned int before = count_states();

	(void)state;
	sim_reload();
	volume_kick(volume);
	wait_for_attach(2);
	/* The states are: active, loading, active. */
	assert_int_equal(count_states() - before, 2);
}

static void test_target_that_failed_and_is_served_again_at_once_counts_each_state(void **state)
{
	const unsigned int before = count_states();

	(void)state;
	sim_abort();
	wait_for_attach(2);
	/* The states are: active, failed, loading, active. */
	assert_int_equal(count_states() - before, 3);
}

static void test_attach_that_fails_counts_the_state_before_it(void **state)
{
	const unsigned int before = count_states();

	(void)state;
	sim_fail_calls(SIM_ATTACH, -EBUSY, 1);
	sim_reload();
	volume_kick(volume);
	wait_for_attach(3);
	/* The states are: active, loading, detached, active. */
	assert_int_equal(count_states() - before, 3);
}

static void test_target_that_let_all_writes_pass_counts_that_state(void **state)
{
	struct err err;

	(void)state;
	fixture_begin();
	sim_pass_all();
	assert_int_equal(volume_start(volume, false, &err), 0);
	wait_for_attach(1);
	/* The states are: degraded, loading, active. */
	assert_int_equal(count_states(), 2);
	fixture_end();
}

/* ---- memory ---- */

static void test_commits_go_on_while_the_target_gets_memory_for_an_era(void **state)
{
	struct request q;

	(void)state;
	sim_load(4, 20, 20);
	sim_slow_prepare(50);
	request_ask(&q);
	assert_int_equal(request_answer(&q), 0);
	assert_true(sim_count().flipped >= 50);
}

static void test_checkpoint_waits_for_memory(void **state)
{
	struct request q;

	(void)state;
	sim_fail_calls(SIM_PREPARE_ERA, -ENOMEM, 2);
	request_ask(&q);
	assert_int_equal(request_answer(&q), 0);
	assert_int_equal(q.era, 2);
}

static void test_checkpoint_without_memory_fails_and_says_so(void **state)
{
	struct request q;

	(void)state;
	sim_fail_calls(SIM_PREPARE_ERA, -ENOMEM, 1000);
	request_ask(&q);
	assert_int_equal(request_answer(&q), -ENOMEM);
	assert_string_equal(q.err.msg,
			    "the target gets no memory for era 2; request the checkpoint again when more memory is free");
}

static void test_attach_without_memory_uses_up_no_era(void **state)
{
	struct err err;

	(void)state;
	fixture_begin();
	sim_fail_calls(SIM_PREPARE_ERA, -ENOMEM, 3);
	assert_int_equal(volume_start(volume, false, &err), 0);
	while (volume_wait_settled(volume, LONG_MS, &err))
		usleep(1000);
	assert_int_equal(sim_calls(SIM_ATTACH), 4);
	assert_int_equal(durable_era(), 1);
	fixture_end();
}

#define with_volume(test)	cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checkpoint_under_load_waits_for_few_commits),
		cmocka_unit_test(test_message_under_load_waits_for_few_commits),
		cmocka_unit_test(test_stop_under_load_waits_for_few_commits),
		with_volume(test_writes_are_served_while_a_drain_does_not_end),
		with_volume(test_an_era_is_complete_after_the_drain_only),
		with_volume(test_stop_ends_a_checkpoint_whose_drain_does_not_end),
		with_volume(test_removal_ends_a_checkpoint_whose_drain_does_not_end),
		with_volume(test_reload_ends_a_checkpoint_whose_drain_does_not_end),
		with_volume(test_stale_batch_is_fetched_and_recorded_again),
		cmocka_unit_test(test_commit_that_finds_no_target_closes_the_volume),
		cmocka_unit_test(test_a_close_notes_the_end_once_the_metadata_works_again),
		with_volume(test_commit_that_fails_is_made_again_on_the_same_target),
		cmocka_unit_test(test_attach_that_fails_is_tried_again),
		with_volume(test_attach_beside_a_prepare_says_what_owns_the_target),
		with_volume(test_metadata_that_fails_delays_writes_and_fails_checkpoints),
		with_volume(test_look_at_the_targets_calls_no_heap),
		with_volume(test_second_volume_with_the_same_uuid_is_refused),
		with_volume(test_commits_go_on_while_the_target_gets_memory_for_an_era),
		with_volume(test_checkpoint_waits_for_memory),
		with_volume(test_checkpoint_without_memory_fails_and_says_so),
		cmocka_unit_test(test_attach_without_memory_uses_up_no_era),
		with_volume(test_reload_counts_the_state_between_two_targets),
		with_volume(test_target_that_failed_and_is_served_again_at_once_counts_each_state),
		with_volume(test_attach_that_fails_counts_the_state_before_it),
		cmocka_unit_test(test_target_that_let_all_writes_pass_counts_that_state),
		with_volume(test_after_a_degrade_all_blocks_count_and_writes_are_recorded_again),
		with_volume(test_a_thread_that_cannot_attach_again_waits),
	};

	return cmocka_run_group_tests(tests, fixture_start_registry, NULL);
}
