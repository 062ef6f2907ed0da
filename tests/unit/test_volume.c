// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The volume thread against a stand-in for the module: whom it serves and when, and what it does when
 * the target, the metadata or memory fail.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/protocol.h"
#include "disk.h"
#include "erad/request/request.h"
#include "erad/volume/registry.h"
#include "erad/volume/volume.h"
#include "instance_sim.h"

#define LONG_MS		60000	/* far more than anything here takes */

/* What commit.c and erad(8) promise, in commits. */
#define UNTIL_SEEN	2u	/* a stop, a request, the end of a drain */
#define UNTIL_MESSAGE	5u

static const struct store_geometry geometry = {
	.uuid = { 1, 2, 3 }, .nr_sectors = (uint64_t)SIM_BLOCKS * SIM_BLOCK_SECTORS,
	.block_sectors = SIM_BLOCK_SECTORS,
};

static struct disk disk;
static struct volume *volume;

/* ---- a volume for each test ---- */

static struct store *open_store(enum store_mode mode)
{
	struct store *s;
	struct err err;

	if (store_open(disk_engine(&disk), mode, &s, &err))
		fail_msg("%s", err.msg);
	return s;
}

/* A volume whose target is there; the caller waits until it has settled. */
static void begin(void)
{
	struct engine *e;
	struct err err;

	disk_init(&disk, store_size(&geometry, NULL));
	e = disk_engine(&disk);
	assert_int_equal(store_format(e, &geometry, NULL, NULL, NULL), 0);
	engine_destroy(e);
	sim_start(geometry.uuid);
	assert_int_equal(volume_new("sim", "/dev/null", "sim", geometry.uuid, open_store(STORE_WRITE),
				    &volume, &err), 0);
	assert_int_equal(volumes_add(volume, &err), 0);
}

static void start(void)
{
	struct err err;

	assert_int_equal(volume_start(volume, false, &err), 0);
	if (volume_wait_settled(volume, LONG_MS, &err))
		fail_msg("%s", err.msg);
}

static int set_up(void **state)
{
	(void)state;
	begin();
	start();
	return 0;
}

/* All blocks from `from` on that are not in the diff must not have been released. */
struct reader {
	uint64_t from;
	uint64_t missed;
};

static int look_between(void *ctx, uint64_t first, uint64_t len)
{
	struct reader *r = ctx;

	for (; r->from < first; r->from++)
		r->missed += sim_released(r->from);
	r->from = first + len;
	return 0;
}

static void check_nothing_missed(void)
{
	struct reader r = { 0 };
	struct store *s = open_store(STORE_READ);

	assert_int_equal(store_diff(s, 1, look_between, &r, NULL), 0);
	look_between(&r, SIM_BLOCKS, 0);
	assert_int_equal(r.missed, 0);
	store_close(s, false, NULL);
}

/* Whether everything that is done with the metadata fails. */
static void fail_disk(bool fail)
{
	pthread_mutex_lock(&disk.lock);
	disk.fail_to = fail ? UINT64_MAX : 0;
	pthread_mutex_unlock(&disk.lock);
}

static void end(void)
{
	sim_remove();
	volume_kick(volume);
	assert_true(volume_wait_ended(volume, LONG_MS));
	volume_unref(volume);
	fail_disk(false);
	check_nothing_missed();
	disk_destroy(&disk);
}

static int tear_down(void **state)
{
	(void)state;
	end();
	return 0;
}

/* The adopter looks once, before there is a target; nothing wakes it later. */
static int start_registry(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(volumes_start(-1, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), &err), 0);
	while (!volumes_settled(&err))
		usleep(1000);
	return 0;
}

/* ---- requests from another thread ---- */

struct request {
	pthread_t thread;
	bool snapshot;
	int result;
	uint32_t era;
	struct err err;
};

static void *request_thread(void *arg)
{
	struct request *q = arg;

	q->result = q->snapshot ? volume_snapshot_take(volume, true, &q->era, &q->err) :
		volume_checkpoint(volume, &q->era, &q->err);
	return NULL;
}

static void ask(struct request *q)
{
	*q = (struct request){ 0 };
	assert_int_equal(pthread_create(&q->thread, NULL, request_thread, q), 0);
}

static int answer(struct request *q)
{
	pthread_join(q->thread, NULL);
	return q->result;
}

static enum checkpoint_phase phase(void)
{
	enum checkpoint_phase p;

	pthread_mutex_lock(&volume->lock);
	p = volume->checkpoint.phase;
	pthread_mutex_unlock(&volume->lock);
	return p;
}

static void wait_for_phase(enum checkpoint_phase p)
{
	while (phase() != p)
		usleep(100);
}

/* ---- load ---- */

struct load {
	unsigned int writers, origin, metadata;
};

/* Calls fn for 1 to 64 writers, metadata slower than the origin, as fast, and faster. */
static void for_each_load(void (*fn)(const struct load *))
{
	static const unsigned int speed[][2] = { { 20, 100 }, { 20, 20 }, { 100, 5 } };

	for (unsigned int writers = 1; writers <= SIM_WRITERS; writers *= 2) {
		for (unsigned int i = 0; i < 3; i++) {
			const struct load l = { writers, speed[i][0], speed[i][1] };

			begin();
			start();
			sim_load(l.writers, l.origin, l.metadata);
			fn(&l);
			end();
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
	ask(&q);
	wait_for_phase(CHECKPOINT_WANTED);
	while (!atomic_load(&volume->attention))
		usleep(100);
	sim_go();
	assert_int_equal(answer(&q), 0);
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

/* A checkpoint that waits for its drain; writes are served meanwhile. */
static void begin_endless_drain(struct request *q)
{
	sim_stuck_write();
	while (!sim_count().commits)
		usleep(100);
	sim_load(4, 20, 20);
	ask(q);
	wait_for_phase(CHECKPOINT_DRAIN);
}

static void test_writes_are_served_while_a_drain_does_not_end(void **state)
{
	struct request q;
	uint64_t before;

	(void)state;
	begin_endless_drain(&q);
	before = sim_count().commits;
	while (sim_count().commits < before + 100)
		usleep(100);
	assert_int_equal(phase(), CHECKPOINT_DRAIN);
	sim_unstick();
	assert_int_equal(answer(&q), 0);
}

static void test_stop_ends_a_checkpoint_whose_drain_does_not_end(void **state)
{
	struct request q;

	(void)state;
	begin_endless_drain(&q);
	volume_stop(volume);
	assert_int_equal(answer(&q), -EAGAIN);
	assert_non_null(strstr(q.err.msg, "request the checkpoint again"));
	assert_true(volume_wait_ended(volume, LONG_MS));
}

static void test_removal_ends_a_checkpoint_whose_drain_does_not_end(void **state)
{
	struct request q;

	(void)state;
	begin_endless_drain(&q);
	sim_remove();
	assert_int_equal(answer(&q), -EAGAIN);
}

static void test_reload_ends_a_checkpoint_whose_drain_does_not_end(void **state)
{
	struct request q;

	(void)state;
	begin_endless_drain(&q);
	sim_reload();
	volume_kick(volume);
	assert_int_equal(answer(&q), -EAGAIN);
	/* The new target's first era, and then the next. */
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
	begin();
	start();
	sim_load(8, 20, 20);
	sim_pause();
	sim_remove();
	sim_go();
	assert_true(volume_wait_ended(volume, LONG_MS));
	s = open_store(STORE_READ);
	store_info(s, &info);
	assert_true(info.clean);
	store_close(s, false, NULL);
	end();
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
	begin();
	sim_fail_calls(SIM_ATTACH, -EBUSY, 2);
	assert_int_equal(volume_start(volume, false, &err), 0);
	assert_int_equal(volume_wait_settled(volume, LONG_MS, &err), -EIO);
	assert_non_null(strstr(err.msg, "another process owns it"));
	while (volume_wait_settled(volume, LONG_MS, &err))
		usleep(1000);
	assert_int_equal(sim_calls(SIM_ATTACH), 3);
	end();
}

static void test_attach_beside_a_prepare_says_what_owns_the_target(void **state)
{
	bool said = false, preparing;
	struct request q;

	(void)state;
	sim_slow_prepare(UINT32_MAX);
	ask(&q);
	/* The first was for the attach. */
	while (sim_calls(SIM_PREPARE_ERA) < 2)
		usleep(1000);
	sim_fail_calls(SIM_COMMIT, -EFAULT, 1);
	sim_load(2, 20, 20);
	while (sim_calls(SIM_ATTACH) < 2)
		usleep(1000);
	while (!said) {
		pthread_mutex_lock(&volume->lock);
		said = volume->attach_trouble.since_ms;
		preparing = strstr(volume->attach_trouble.err.msg, "a checkpoint that was requested before");
		pthread_mutex_unlock(&volume->lock);
		usleep(1000);
	}
	assert_true(preparing);
	sim_slow_prepare(0);
	answer(&q);
	while (sim_count().commits < 50)
		usleep(1000);
}

static struct store_info look_at_store(void)
{
	struct store *s = volume_store_get(volume);
	struct store_info info;

	assert_non_null(s);
	store_info(s, &info);
	volume_store_put(volume);
	return info;
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
	ask(&q);
	assert_int_equal(answer(&q), 0);
	assert_int_equal(look_at_store().floor_era, 1);
}

static void test_metadata_that_fails_delays_writes_and_fails_checkpoints(void **state)
{
	struct request q;

	(void)state;
	fail_disk(true);
	sim_stuck_write();
	ask(&q);
	assert_int_equal(answer(&q), -EIO);
	assert_int_equal(sim_count().commits, 0);
	fail_disk(false);
	while (!sim_count().commits)
		usleep(1000);
	sim_unstick();
	ask(&q);
	assert_int_equal(answer(&q), 0);
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

/* ---- memory ---- */

static void test_commits_go_on_while_the_target_gets_memory_for_an_era(void **state)
{
	struct request q;

	(void)state;
	sim_load(4, 20, 20);
	sim_slow_prepare(50);
	ask(&q);
	assert_int_equal(answer(&q), 0);
	assert_true(sim_count().flipped >= 50);
}

static void test_checkpoint_waits_for_memory(void **state)
{
	struct request q;

	(void)state;
	sim_fail_calls(SIM_PREPARE_ERA, -ENOMEM, 2);
	ask(&q);
	assert_int_equal(answer(&q), 0);
	assert_int_equal(q.era, 2);
}

static void test_checkpoint_without_memory_fails_and_says_so(void **state)
{
	struct request q;

	(void)state;
	sim_fail_calls(SIM_PREPARE_ERA, -ENOMEM, 1000);
	ask(&q);
	assert_int_equal(answer(&q), -ENOMEM);
	assert_string_equal(q.err.msg,
			    "the target gets no memory for era 2; request the checkpoint again when there is more");
}

static uint32_t durable_era(void)
{
	struct store *s = volume_store_get(volume);
	struct store_info info;

	store_info(s, &info);
	volume_store_put(volume);
	return info.era;
}

static void test_attach_without_memory_uses_up_no_era(void **state)
{
	struct err err;

	(void)state;
	begin();
	sim_fail_calls(SIM_PREPARE_ERA, -ENOMEM, 3);
	assert_int_equal(volume_start(volume, false, &err), 0);
	while (volume_wait_settled(volume, LONG_MS, &err))
		usleep(1000);
	assert_int_equal(sim_calls(SIM_ATTACH), 4);
	assert_int_equal(durable_era(), 1);
	end();
}

/* ---- eras and snapshots that begin halfway ---- */

static void test_era_that_only_the_metadata_has_begun_is_the_next(void **state)
{
	struct request q;

	(void)state;
	sim_fail_calls(SIM_NEW_ERA, -EINVAL, 1);
	ask(&q);
	assert_int_equal(answer(&q), -EINVAL);
	assert_int_equal(durable_era(), 2);
	ask(&q);
	assert_int_equal(answer(&q), 0);
	assert_int_equal(q.era, 2);
}

static void test_snapshot_comes_after_an_era_that_only_the_metadata_has_begun(void **state)
{
	struct request q;

	(void)state;
	sim_fail_calls(SIM_NEW_ERA, -EINVAL, 1);
	ask(&q);
	assert_int_equal(answer(&q), -EINVAL);
	assert_int_equal(volume_snapshot_take(volume, true, &q.era, &q.err), 0);
	assert_int_equal(q.era, 3);
}

static void fail_after_flip(struct disk *d, enum disk_op op, bool after, void *ctx)
{
	(void)d;
	(void)op;
	(void)after;
	/* The first is that of the attach. */
	if (sim_calls(SIM_NEW_ERA) >= 2 && !atomic_exchange((atomic_bool *)ctx, true))
		fail_disk(true);
}

/* A snapshot that was to be, and whose fold and whose drop have failed. */
static void orphan_snapshot(bool lasts)
{
	static atomic_bool failed;
	uint32_t era;
	struct err err;

	failed = false;
	disk.hook_ctx = &failed;
	disk.hook = fail_after_flip;
	assert_int_equal(volume_snapshot_take(volume, lasts, &era, &err), -EIO);
	fail_disk(false);
}

static void test_snapshot_without_an_owner_is_dropped_by_the_next_reader(void **state)
{
	uint32_t era;
	struct err err;

	(void)state;
	orphan_snapshot(false);
	if (volume_snapshot_take(volume, false, &era, &err))
		fail_msg("%s", err.msg);
	/* While it is read, nobody else gets one. */
	assert_int_equal(volume_snapshot_take(volume, false, &era, &err), -EBUSY);
	assert_int_equal(volume_snapshot_drop(volume, &err), -ENOENT);
	assert_int_equal(volume_snapshot_unpin(volume, volume->store, &err), 0);
	assert_int_equal(volume_snapshot_take(volume, true, &era, &err), 0);
}

static void test_snapshot_without_an_owner_is_dropped_when_a_fold_has_made_it(void **state)
{
	struct store *s;
	uint32_t era;
	struct err err;

	(void)state;
	orphan_snapshot(false);
	s = volume_store_get(volume);
	assert_int_equal(store_fold(s, &err), 0);
	volume_store_put(volume);
	if (volume_snapshot_take(volume, true, &era, &err))
		fail_msg("%s", err.msg);
}

static void test_snapshot_whose_drop_failed_is_dropped_by_the_next_reader(void **state)
{
	uint32_t era;
	struct err err;

	(void)state;
	assert_int_equal(volume_snapshot_take(volume, false, &era, &err), 0);
	fail_disk(true);
	assert_int_equal(volume_snapshot_unpin(volume, volume->store, &err), -EIO);
	fail_disk(false);
	if (volume_snapshot_take(volume, false, &era, &err))
		fail_msg("%s", err.msg);
}

/* ---- requests over a connection ---- */

struct caller {
	pthread_t thread;
	int fd, served_fd;
	char answer[512];
};

static void *serve_thread(void *arg)
{
	struct caller *c = arg;
	struct jsonl j;

	jsonl_init(&j, c->served_fd, ERAD_REQUEST_MAX, LONG_MS);
	request_serve(&j, true);
	jsonl_free(&j);
	close(c->served_fd);
	return NULL;
}

static void call(struct caller *c, const char *request)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	c->fd = pair[0];
	c->served_fd = pair[1];
	assert_int_equal(write(c->fd, request, strlen(request)), strlen(request));
	assert_int_equal(pthread_create(&c->thread, NULL, serve_thread, c), 0);
}

/* All that it is told, to the end. */
static const char *told(struct caller *c)
{
	size_t have = 0;
	ssize_t n;

	while ((n = read(c->fd, c->answer + have, sizeof(c->answer) - 1 - have)) > 0)
		have += n;
	c->answer[have] = '\0';
	pthread_join(c->thread, NULL);
	close(c->fd);
	return c->answer;
}

#define DIFF	"{\"op\":\"diff\",\"volume\":\"sim\",\"since\":1}\n"
#define DUMP	"{\"op\":\"dump\",\"volume\":\"sim\",\"loose\":true}\n"
#define PING	"{\"op\":\"ping\"}\n"

static atomic_uint reads;

static void hang_up_at_first_read(struct disk *d, enum disk_op op, bool after, void *ctx)
{
	struct caller *c = ctx;

	(void)d;
	if (op == DISK_READ && !after && !atomic_fetch_add(&reads, 1))
		shutdown(c->fd, SHUT_RDWR);
}

/* As by a DEGRADE that answered EIO, though the record is durable: the target goes on holding writes. */
static void write_record(void)
{
	struct store *s = volume_store_get(volume);
	struct engine *e = disk_engine(&disk);
	static _Alignas(4096) uint8_t page[4096];
	uint64_t sector;

	assert_non_null(s);
	assert_int_equal(store_degrade_record(s, &sector, page), 0);
	volume_store_put(volume);
	assert_int_equal(e->ops->write(e, page, sector * 512, sizeof(page)), 0);
	assert_int_equal(e->ops->flush(e), 0);
	engine_destroy(e);
}

static void test_record_that_a_reader_finds_under_an_active_target_is_ended(void **state)
{
	static const char *const request[] = { DIFF, DUMP };
	struct request q;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct caller c;

		write_record();
		call(&c, request[i]);
		assert_non_null(strstr(told(&c), "\"result\""));
		/* Attached anew, which sets the floor; and then the record is ended. */
		while (look_at_store().floor_era != 1 + i || look_at_store().degraded)
			usleep(1000);
		/* The target has held its writes all the time: no era had to begin. */
		assert_int_equal(look_at_store().era, 1 + i);
		do {
			ask(&q);
		} while (answer(&q) == -EAGAIN);
		assert_int_equal(q.era, 2 + i);
	}
}

/* The array has two pieces. */
static void test_diff_and_dump_stop_when_their_caller_goes_though_they_find_nothing(void **state)
{
	static const char *const request[] = { DIFF, DUMP };
	struct caller c;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		atomic_store(&reads, 0);
		disk.hook_ctx = &c;
		disk.hook = hang_up_at_first_read;
		call(&c, request[i]);
		told(&c);
		disk.hook = NULL;
		assert_int_equal(atomic_load(&reads), 1);
	}
}

static atomic_uint hanging;
static atomic_bool disk_hangs;

static void hang_read(struct disk *d, enum disk_op op, bool after, void *ctx)
{
	(void)d;
	(void)ctx;
	if (op != DISK_READ || after)
		return;
	atomic_fetch_add(&hanging, 1);
	while (atomic_load(&disk_hangs))
		usleep(1000);
}

static void test_requests_that_hang_leave_room_for_those_that_look(void **state)
{
	static struct caller c[48];
	struct caller more;

	(void)state;
	atomic_store(&hanging, 0);
	atomic_store(&disk_hangs, true);
	disk.hook = hang_read;
	for (unsigned int i = 0; i < 48; i++)
		call(&c[i], DIFF);
	while (atomic_load(&hanging) < 48)
		usleep(1000);
	call(&more, DIFF);
	assert_non_null(strstr(told(&more), "erad is carrying out 48 requests that take long already"));
	call(&more, PING);
	assert_non_null(strstr(told(&more), "\"result\""));
	atomic_store(&disk_hangs, false);
	for (unsigned int i = 0; i < 48; i++)
		assert_non_null(strstr(told(&c[i]), "\"result\""));
	disk.hook = NULL;
}

static void test_ninth_checkpoint_that_waits_is_refused(void **state)
{
	struct request first, q[7], ninth;

	(void)state;
	begin_endless_drain(&first);
	for (unsigned int i = 0; i < 7; i++)
		ask(&q[i]);
	while (atomic_load(&volume->waiting) < 8)
		usleep(100);
	ask(&ninth);
	assert_int_equal(answer(&ninth), -EBUSY);
	sim_unstick();
	assert_int_equal(answer(&first), 0);
	for (unsigned int i = 0; i < 7; i++)
		assert_int_equal(answer(&q[i]), 0);
}

/* ---- others that look ---- */

static bool watched;

static void look_at_progress(struct disk *d, enum disk_op op, bool after, void *ctx)
{
	struct err who;

	(void)d;
	(void)ctx;
	if (op == DISK_FLUSH && !after)
		watched = !volumes_progress(0, &who);
}

static void test_watchdog_sees_the_write_that_begins_an_era(void **state)
{
	struct request q;

	(void)state;
	watched = false;
	disk.hook = look_at_progress;
	ask(&q);
	assert_int_equal(answer(&q), 0);
	disk.hook = NULL;
	assert_true(watched);
}

static bool no_threads;

int __real_thread_start_detached(void *(*fn)(void *), void *arg);
int __wrap_thread_start_detached(void *(*fn)(void *), void *arg);

int __wrap_thread_start_detached(void *(*fn)(void *), void *arg)
{
	return no_threads ? -EAGAIN : __real_thread_start_detached(fn, arg);
}

static void *put_thread(void *arg)
{
	struct store_info info;

	usleep(10000);
	store_info(arg, &info);
	volume_store_put(volume);
	return NULL;
}

static void test_start_that_fails_waits_for_those_who_use_the_store(void **state)
{
	pthread_t reader;
	struct err err;

	(void)state;
	begin();
	assert_int_equal(pthread_create(&reader, NULL, put_thread, volume_store_get(volume)), 0);
	no_threads = true;
	assert_int_equal(volume_start(volume, false, &err), -EAGAIN);
	no_threads = false;
	assert_null(volume_store_get(volume));
	pthread_join(reader, NULL);
	volumes_remove(volume);
	volume_unref(volume);
	disk_destroy(&disk);
}

/* For the thread sanitizer. */
static void *checkpoints_and_snapshots(void *done)
{
	struct err err;
	uint32_t era;

	for (int i = 0; i < 30; i++) {
		volume_checkpoint(volume, &era, &err);
		if (volume_snapshot_take(volume, true, &era, &err))
			continue;
		/* It saves pages of the snapshot. */
		store_fold(volume->store, &err);
		volume_snapshot_drop(volume, &err);
	}
	atomic_store((atomic_bool *)done, true);
	return NULL;
}

static void *status(void *done)
{
	while (!atomic_load((atomic_bool *)done)) {
		struct json_object *o = NULL;
		struct err err;

		if (!request_status(NULL, &o, &err))
			json_object_put(o);
		if (!request_writers(NULL, &o, &err))
			json_object_put(o);
	}
	return NULL;
}

static int ignore(void *ctx, uint64_t first, uint64_t len)
{
	(void)ctx;
	(void)first;
	(void)len;
	return 0;
}

static void test_requests_of_all_kinds_at_once(void **state)
{
	atomic_bool done = false;
	pthread_t t[2];

	(void)state;
	sim_load(3, 20, 20);
	assert_int_equal(pthread_create(&t[0], NULL, checkpoints_and_snapshots, &done), 0);
	assert_int_equal(pthread_create(&t[1], NULL, status, &done), 0);
	while (!atomic_load(&done)) {
		struct store *s = volume_store_get(volume);
		struct store_info info;

		store_info(s, &info);
		assert_int_equal(store_diff_view(s, STORE_NOW, info.era, ignore, NULL, NULL), 0);
		volume_store_put(volume);
	}
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
}

#define with_volume(test)	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checkpoint_under_load_waits_for_few_commits),
		cmocka_unit_test(test_message_under_load_waits_for_few_commits),
		cmocka_unit_test(test_stop_under_load_waits_for_few_commits),
		with_volume(test_writes_are_served_while_a_drain_does_not_end),
		with_volume(test_stop_ends_a_checkpoint_whose_drain_does_not_end),
		with_volume(test_removal_ends_a_checkpoint_whose_drain_does_not_end),
		with_volume(test_reload_ends_a_checkpoint_whose_drain_does_not_end),
		with_volume(test_stale_batch_is_fetched_and_recorded_again),
		cmocka_unit_test(test_commit_that_finds_no_target_closes_the_volume),
		with_volume(test_commit_that_fails_is_made_again_on_the_same_target),
		cmocka_unit_test(test_attach_that_fails_is_tried_again),
		with_volume(test_attach_beside_a_prepare_says_what_owns_the_target),
		with_volume(test_metadata_that_fails_delays_writes_and_fails_checkpoints),
		with_volume(test_second_volume_with_the_same_uuid_is_refused),
		with_volume(test_commits_go_on_while_the_target_gets_memory_for_an_era),
		with_volume(test_checkpoint_waits_for_memory),
		with_volume(test_checkpoint_without_memory_fails_and_says_so),
		cmocka_unit_test(test_attach_without_memory_uses_up_no_era),
		with_volume(test_era_that_only_the_metadata_has_begun_is_the_next),
		with_volume(test_snapshot_comes_after_an_era_that_only_the_metadata_has_begun),
		with_volume(test_snapshot_without_an_owner_is_dropped_by_the_next_reader),
		with_volume(test_snapshot_without_an_owner_is_dropped_when_a_fold_has_made_it),
		with_volume(test_snapshot_whose_drop_failed_is_dropped_by_the_next_reader),
		with_volume(test_diff_and_dump_stop_when_their_caller_goes_though_they_find_nothing),
		with_volume(test_requests_that_hang_leave_room_for_those_that_look),
		with_volume(test_ninth_checkpoint_that_waits_is_refused),
		with_volume(test_watchdog_sees_the_write_that_begins_an_era),
		cmocka_unit_test(test_start_that_fails_waits_for_those_who_use_the_store),
		with_volume(test_requests_of_all_kinds_at_once),
		with_volume(test_record_that_a_reader_finds_under_an_active_target_is_ended),
		with_volume(test_after_a_degrade_all_blocks_count_and_writes_are_recorded_again),
	};

	return cmocka_run_group_tests(tests, start_registry, NULL);
}
