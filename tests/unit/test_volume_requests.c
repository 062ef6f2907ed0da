// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests for a volume, with a stand-in for the module: eras and snapshots that fail halfway,
 * clients that disconnect or wait, and concurrent requests of all kinds.
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
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/protocol.h"
#include "erad/request/report.h"
#include "erad/request/request.h"
#include "erad/volume/commit.h"
#include "erad/volume/registry.h"
#include "erad/volume/snapshot.h"
#include "heap.h"
#include "instance_sim.h"
#include "volume_fixture.h"

/* ---- the registry of volumes ---- */

static unsigned int looks;

/* Takes the lock of the registry.  Hangs if the calling thread holds this lock. */
static void look_at_registry(void)
{
	looks++;
	assert_false(volumes_have("none"));
}

static void test_list_of_volumes_is_allocated_without_the_lock_of_the_registry(void **state)
{
	struct volume **all;
	size_t nr;

	(void)state;
	looks = 0;
	/* Ends the test if an allocation is made under the lock. */
	alarm(60);
	heap_hook(look_at_registry);
	assert_int_equal(volumes_all(&all, &nr), 0);
	heap_hook(NULL);
	alarm(0);
	assert_true(looks > 0);
	assert_int_equal(nr, 1);
	assert_ptr_equal(all[0], volume);
	volume_unref(all[0]);
	free(all);
}

/* ---- eras and snapshots of which only a part has begun ---- */

static void test_era_that_only_the_metadata_has_begun_is_the_next(void **state)
{
	struct request q;

	(void)state;
	sim_fail_calls(SIM_NEW_ERA, -EINVAL, 1);
	request_ask(&q);
	assert_int_equal(request_answer(&q), -EINVAL);
	assert_int_equal(durable_era(), 2);
	request_ask(&q);
	assert_int_equal(request_answer(&q), 0);
	assert_int_equal(q.era, 2);
}

static void test_snapshot_comes_after_an_era_that_only_the_metadata_has_begun(void **state)
{
	struct request q;

	(void)state;
	sim_fail_calls(SIM_NEW_ERA, -EINVAL, 1);
	request_ask(&q);
	assert_int_equal(request_answer(&q), -EINVAL);
	assert_int_equal(volume_snapshot_take(volume, true, &q.era, &q.err), 0);
	assert_int_equal(q.era, 3);
}

static void fail_after_flip(struct disk *d, enum disk_op op, bool after, void *ctx)
{
	(void)d;
	(void)op;
	(void)after;
	/*
	 * The attach has made the first call of NEW_ERA. The second call is the call of the
	 * snapshot.
	 */
	if (sim_calls(SIM_NEW_ERA) >= 2 && !atomic_exchange((atomic_bool *)ctx, true))
		fail_disk(true);
}

/* Leaves a snapshot behind: the fold of the snapshot has failed, and so has its drop. */
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
	/* While a reader uses the snapshot, no other snapshot can be taken. */
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

static void send_request(struct caller *c, const char *request)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	c->fd = pair[0];
	c->served_fd = pair[1];
	assert_int_equal(write(c->fd, request, strlen(request)), strlen(request));
	assert_int_equal(pthread_create(&c->thread, NULL, serve_thread, c), 0);
}

/* Reads the answer to its end, and returns it as text. Closes the connection. */
static const char *read_answer(struct caller *c)
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
#define MAP	"{\"op\":\"map\",\"volume\":\"%s\"}\n"
#define PING	"{\"op\":\"ping\"}\n"

static atomic_uint reads;

static void hang_up_at_first_read(struct disk *d, enum disk_op op, bool after, void *ctx)
{
	struct caller *c = ctx;

	(void)d;
	if (op == DISK_READ && !after && !atomic_fetch_add(&reads, 1))
		shutdown(c->fd, SHUT_RDWR);
}

/*
 * Writes the record like a DEGRADE that fails with EIO although the record is durable.  So the
 * target still holds writes.
 */
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
		send_request(&c, request[i]);
		assert_non_null(strstr(read_answer(&c), "\"result\""));
		/* erad attaches again, sets the floor, and then ends the record. */
		while (look_at_store().floor_era != 1 + i || look_at_store().degraded)
			usleep(1000);
		/* The target has held its writes all the time, so no new era was necessary. */
		assert_int_equal(look_at_store().era, 1 + i);
		do {
			request_ask(&q);
		} while (request_answer(&q) == -EAGAIN);
		assert_int_equal(q.era, 2 + i);
	}
}

static void test_readers_are_refused_once_the_target_is_gone_though_erad_has_not_noticed(void **state)
{
	static const char *const request[] = { DIFF, DUMP };
	struct caller c;

	(void)state;
	/*
	 * The volume thread is stopped inside a commit, so it does not notice that the target is
	 * gone.
	 */
	sim_load(8, 20, 20);
	sim_pause();
	sim_remove();
	for (unsigned int i = 0; i < sizeof(request) / sizeof(*request); i++) {
		send_request(&c, request[i]);
		assert_non_null(strstr(read_answer(&c), "try again when 'eractl status sim' says active"));
	}
	sim_go();
	assert_true(volume_wait_ended(volume, LONG_MS));
}

/* The array is read in two pieces, so a request can stop between them. */
static void test_diff_and_dump_stop_when_their_caller_goes_though_they_find_nothing(void **state)
{
	static const char *const request[] = { DIFF, DUMP };
	struct caller c;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		atomic_store(&reads, 0);
		disk.hook_ctx = &c;
		disk.hook = hang_up_at_first_read;
		send_request(&c, request[i]);
		read_answer(&c);
		disk.hook = NULL;
		assert_int_equal(atomic_load(&reads), 1);
	}
}

static const char *ask_map(struct caller *c, const char *name)
{
	char request[128];

	snprintf(request, sizeof(request), MAP, name);
	send_request(c, request);
	return read_answer(c);
}

static void test_map_is_read_to_its_end_and_kept_though_its_caller_goes(void **state)
{
	struct caller c;
	unsigned int had;

	(void)state;
	atomic_store(&reads, 0);
	disk.hook_ctx = &c;
	disk.hook = hang_up_at_first_read;
	ask_map(&c, "sim");
	had = atomic_load(&reads);
	assert_int_equal(had, 2);
	assert_non_null(strstr(ask_map(&c, "sim"), "\"cells\""));
	disk.hook = NULL;
	assert_int_equal(atomic_load(&reads), had);
}

#define VOLUMES	70u

static void test_map_is_kept_whatever_maps_of_others_are_read(void **state)
{
	struct volume *v[VOLUMES];
	char name[VOLUMES][16];
	struct store *s[VOLUMES];
	struct caller c;
	struct err err;

	(void)state;
	for (unsigned int i = 0; i < VOLUMES; i++) {
		const uint8_t uuid[16] = { 9, i };

		snprintf(name[i], sizeof(name[i]), "other%u", i);
		s[i] = fixture_open_store(STORE_READ);
		assert_int_equal(volume_new(name[i], "/dev/null", name[i], uuid, s[i], &v[i], &err), 0);
		assert_int_equal(volumes_add(v[i], &err), 0);
		assert_non_null(strstr(ask_map(&c, name[i]), "\"cells\""));
	}
	atomic_store(&reads, 0);
	disk.hook_ctx = &c;
	disk.hook = hang_up_at_first_read;
	assert_non_null(strstr(ask_map(&c, name[0]), "\"cells\""));
	disk.hook = NULL;
	assert_int_equal(atomic_load(&reads), 0);
	for (unsigned int i = 0; i < VOLUMES; i++) {
		volumes_remove(v[i]);
		store_close(s[i], false, NULL);
		volume_unref(v[i]);
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

/* A volume beside the volume of the fixture, with the same metadata, and a request for this volume. */
struct beside {
	char name[16];
	struct store *s;
	struct volume *v;
	struct caller c;
};

static void make_beside(struct beside *b, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		const uint8_t uuid[16] = { 8, i };
		struct err err;

		snprintf(b[i].name, sizeof(b[i].name), "beside%u", i);
		b[i].s = fixture_open_store(STORE_READ);
		assert_int_equal(volume_new(b[i].name, "/dev/null", b[i].name, uuid, b[i].s, &b[i].v, &err), 0);
		assert_int_equal(volumes_add(b[i].v, &err), 0);
	}
}

static void remove_beside(struct beside *b, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		volumes_remove(b[i].v);
		store_close(b[i].s, false, NULL);
		volume_unref(b[i].v);
	}
}

static void ask_dump(struct beside *b)
{
	char request[128];

	snprintf(request, sizeof(request), "{\"op\":\"dump\",\"volume\":\"%s\"}\n", b->name);
	send_request(&b->c, request);
}

static void await_hanging(unsigned int nr)
{
	while (atomic_load(&hanging) < nr)
		usleep(1000);
}

static void test_requests_that_hang_leave_room_for_other_volumes_and_for_those_that_look(void **state)
{
	static struct caller c[24];
	static struct beside b[25];
	struct caller more;

	(void)state;
	make_beside(b, 25);
	atomic_store(&hanging, 0);
	atomic_store(&disk_hangs, true);
	disk.hook = hang_read;
	/* One volume gets half of the places of requests that take long. */
	for (unsigned int i = 0; i < 24; i++)
		send_request(&c[i], DIFF);
	await_hanging(24);
	send_request(&more, DIFF);
	assert_non_null(strstr(read_answer(&more), "volume sim: erad is already carrying out 24 requests that take long, also for this volume"));
	/* The others are for volumes that have no such request, one for each. */
	for (unsigned int i = 0; i < 24; i++) {
		ask_dump(&b[i]);
		await_hanging(25 + i);
	}
	ask_dump(&b[24]);
	assert_non_null(strstr(read_answer(&b[24].c), "volume beside24: erad is already carrying out 48 requests that take long; run"));
	send_request(&more, PING);
	assert_non_null(strstr(read_answer(&more), "\"result\""));
	atomic_store(&disk_hangs, false);
	for (unsigned int i = 0; i < 24; i++) {
		assert_non_null(strstr(read_answer(&c[i]), "\"result\""));
		read_answer(&b[i].c);
	}
	/* All places are free again. */
	send_request(&more, DIFF);
	assert_non_null(strstr(read_answer(&more), "\"result\""));
	disk.hook = NULL;
	remove_beside(b, 25);
}

static void test_ninth_checkpoint_that_waits_is_refused(void **state)
{
	struct request first, q[7], ninth;

	(void)state;
	begin_endless_drain(&first);
	for (unsigned int i = 0; i < 7; i++)
		request_ask(&q[i]);
	while (atomic_load(&volume->waiting) < 8)
		usleep(100);
	request_ask(&ninth);
	assert_int_equal(request_answer(&ninth), -EBUSY);
	sim_unstick();
	assert_int_equal(request_answer(&first), 0);
	for (unsigned int i = 0; i < 7; i++)
		assert_int_equal(request_answer(&q[i]), 0);
}

/* ---- concurrent readers ---- */

static bool watched;

static void look_at_progress(struct disk *d, enum disk_op op, bool after, void *ctx)
{
	struct err who;

	(void)d;
	(void)ctx;
	if (op != DISK_FLUSH || after || watched)
		return;
	/* volumes_hang() reports a volume only once for the same write. */
	watched = volumes_hang(0, &who) && !volumes_hang(0, &who);
}

static void test_watchdog_sees_the_write_that_begins_an_era(void **state)
{
	struct request q;

	(void)state;
	watched = false;
	disk.hook = look_at_progress;
	request_ask(&q);
	assert_int_equal(request_answer(&q), 0);
	disk.hook = NULL;
	assert_true(watched);
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
	fixture_begin();
	assert_int_equal(pthread_create(&reader, NULL, put_thread, volume_store_get(volume)), 0);
	fixture_no_threads = true;
	assert_int_equal(volume_start(volume, false, &err), -EAGAIN);
	fixture_no_threads = false;
	assert_null(volume_store_get(volume));
	pthread_join(reader, NULL);
	volumes_remove(volume);
	volume_unref(volume);
	disk_destroy(&disk);
}

/* This test is for the thread sanitizer. */
static void *checkpoints_and_snapshots(void *done)
{
	struct err err;
	uint32_t era;

	for (int i = 0; i < 30; i++) {
		volume_checkpoint(volume, &era, &err);
		if (volume_snapshot_take(volume, true, &era, &err))
			continue;
		/* Let a fold save pages for the snapshot. */
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

static int ignore_extent(void *ctx, uint64_t first, uint64_t len)
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
		assert_int_equal(store_diff_view(s, STORE_NOW, info.era, ignore_extent, NULL, NULL), 0);
		volume_store_put(volume);
	}
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
}

#define with_volume(test)	cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_volume(test_list_of_volumes_is_allocated_without_the_lock_of_the_registry),
		with_volume(test_era_that_only_the_metadata_has_begun_is_the_next),
		with_volume(test_snapshot_comes_after_an_era_that_only_the_metadata_has_begun),
		with_volume(test_snapshot_without_an_owner_is_dropped_by_the_next_reader),
		with_volume(test_snapshot_without_an_owner_is_dropped_when_a_fold_has_made_it),
		with_volume(test_snapshot_whose_drop_failed_is_dropped_by_the_next_reader),
		with_volume(test_diff_and_dump_stop_when_their_caller_goes_though_they_find_nothing),
		with_volume(test_map_is_read_to_its_end_and_kept_though_its_caller_goes),
		with_volume(test_map_is_kept_whatever_maps_of_others_are_read),
		with_volume(test_requests_that_hang_leave_room_for_other_volumes_and_for_those_that_look),
		with_volume(test_ninth_checkpoint_that_waits_is_refused),
		with_volume(test_watchdog_sees_the_write_that_begins_an_era),
		cmocka_unit_test(test_start_that_fails_waits_for_those_who_use_the_store),
		with_volume(test_requests_of_all_kinds_at_once),
		with_volume(test_readers_are_refused_once_the_target_is_gone_though_erad_has_not_noticed),
		with_volume(test_record_that_a_reader_finds_under_an_active_target_is_ended),
	};

	return cmocka_run_group_tests(tests, fixture_start_registry, NULL);
}
