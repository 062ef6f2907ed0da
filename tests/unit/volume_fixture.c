// SPDX-License-Identifier: GPL-2.0-or-later
/* A volume with a stand-in for the module and a disk in memory: see volume_fixture.h. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "erad/device/dm.h"
#include "common/seal.h"
#include "common/sysfs.h"
#include "erad/volume/adopt.h"
#include "erad/volume/commit.h"
#include "erad/volume/registry.h"
#include "heap.h"
#include "instance_sim.h"
#include "volume_fixture.h"

const struct store_geometry geometry = {
	.uuid = { 1, 2, 3 }, .nr_sectors = (uint64_t)SIM_BLOCKS * SIM_BLOCK_SECTORS,
	.block_sectors = SIM_BLOCK_SECTORS,
};

struct disk disk;
struct volume *volume;

/* ---- the origin is a file in memory, and its mapped device exists as long as the target ---- */

int __wrap_dm_node(dev_t dev, char path[NODE_PATH_SIZE]);
bool __wrap_dm_lives(dev_t dev);
int __wrap_seal_open(const char *path, bool claim, struct err *err);
bool __wrap_holders_have(dev_t origin, dev_t holder);

unsigned char fixture_origin_byte, fixture_origin_uuid;
unsigned int fixture_busy_claims;
bool fixture_busy_own;

bool __wrap_holders_have(dev_t origin, dev_t holder)
{
	(void)origin;
	(void)holder;
	return fixture_busy_claims && fixture_busy_own;
}

int __wrap_dm_node(dev_t dev, char path[NODE_PATH_SIZE])
{
	(void)dev;
	strcpy(path, "/dev/sim");
	return 0;
}

bool __wrap_dm_lives(dev_t dev)
{
	(void)dev;
	return false;
}

int __wrap_seal_open(const char *path, bool claim, struct err *err)
{
	int fd;

	if (claim && fixture_busy_claims) {
		fixture_busy_claims--;
		return err_set(err, -EBUSY, "the origin is busy");
	}
	fd = memfd_create("origin", MFD_CLOEXEC);
	assert_string_equal(path, "/dev/sim");
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, geometry.nr_sectors * 512), 0);
	assert_int_equal(pwrite(fd, &fixture_origin_byte, 1, 0), 1);
	if (fixture_origin_uuid) {
		assert_int_equal(pwrite(fd, "\x53\xef", 2, 1024 + 56), 2);
		assert_int_equal(pwrite(fd, &fixture_origin_uuid, 1, 1024 + 104), 1);
	}
	return fd;
}

/* ---- a volume for each test ---- */

struct store *fixture_open_store(enum store_mode mode)
{
	struct store *s;
	struct err err;

	if (store_open(disk_engine(&disk), mode, &s, &err))
		fail_msg("%s", err.msg);
	return s;
}

/* Makes a volume whose target exists.  The caller waits until the volume has settled. */
void fixture_begin(void)
{
	struct engine *e;
	struct err err;

	disk_init(&disk, store_size(&geometry, NULL));
	disk.hook = heap_spare_disk;
	e = disk_engine(&disk);
	assert_int_equal(store_format(e, &geometry, NULL, NULL, NULL), 0);
	engine_destroy(e);
	sim_start(geometry.uuid);
	assert_int_equal(volume_new("sim", "/dev/null", "sim", geometry.uuid, fixture_open_store(STORE_WRITE),
				    &volume, &err), 0);
	assert_int_equal(volumes_add(volume, &err), 0);
}

void fixture_start(void)
{
	struct err err;

	assert_int_equal(volume_start(volume, false, &err), 0);
	if (volume_wait_settled(volume, LONG_MS, &err))
		fail_msg("%s", err.msg);
}

int fixture_set_up(void **state)
{
	(void)state;
	fixture_begin();
	fixture_start();
	return 0;
}

/* A reader of a diff, which counts the blocks that the diff has missed. */
struct reader {
	uint64_t from;		/* the first block that is not checked yet */
	/* how many blocks the diff does not contain although a write to them was released */
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

void check_nothing_missed(void)
{
	struct reader r = { 0 };
	struct store *s = fixture_open_store(STORE_READ);

	assert_int_equal(store_diff(s, 1, look_between, &r, NULL), 0);
	look_between(&r, SIM_BLOCKS, 0);
	assert_int_equal(r.missed, 0);
	store_close(s, false, NULL);
}

/* Makes all I/O of the metadata fail, or succeed again. */
void fail_disk(bool fail)
{
	pthread_mutex_lock(&disk.lock);
	disk.fail_to = fail ? UINT64_MAX : 0;
	pthread_mutex_unlock(&disk.lock);
}

static void check_heap_not_called(void)
{
	void *caller;
	const unsigned long calls = heap_forbidden_calls(&caller);

	if (calls)
		fail_msg("got %lu calls of the heap in the volume thread while it served writes, the last from %p, expected none",
			 calls, caller);
}

void fixture_end(void)
{
	sim_remove();
	volume_kick(volume);
	assert_true(volume_wait_ended(volume, LONG_MS));
	volume_unref(volume);
	fail_disk(false);
	check_nothing_missed();
	check_heap_not_called();
	disk_destroy(&disk);
}

int fixture_tear_down(void **state)
{
	(void)state;
	fixture_end();
	return 0;
}

/*
 * The adopter looks for targets only once, at the start, when there is no target. No test wakes the
 * adopter later.
 */
int fixture_start_registry(void **state)
{
	struct err err;

	(void)state;
	volumes_start(-1, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), adopt_wake);
	assert_int_equal(adopt_start(&err), 0);
	while (!volumes_settled(&err))
		usleep(1000);
	return 0;
}

/* ---- requests from another thread ---- */

static void *request_thread(void *arg)
{
	struct request *q = arg;

	q->result = volume_checkpoint(volume, &q->era, &q->err);
	return NULL;
}

void request_ask(struct request *q)
{
	*q = (struct request){ 0 };
	assert_int_equal(pthread_create(&q->thread, NULL, request_thread, q), 0);
}

int request_answer(struct request *q)
{
	pthread_join(q->thread, NULL);
	return q->result;
}

enum checkpoint_phase checkpoint_phase_now(void)
{
	enum checkpoint_phase p;

	pthread_mutex_lock(&volume->lock);
	p = volume->checkpoint.phase;
	pthread_mutex_unlock(&volume->lock);
	return p;
}

void wait_for_phase(enum checkpoint_phase p)
{
	while (checkpoint_phase_now() != p)
		usleep(100);
}

struct store_info look_at_store(void)
{
	struct store *s = volume_store_get(volume);
	struct store_info info;

	assert_non_null(s);
	store_info(s, &info);
	volume_store_put(volume);
	return info;
}

bool fixture_no_threads;

int __real_thread_start_detached(void *(*fn)(void *), void *arg);
int __wrap_thread_start_detached(void *(*fn)(void *), void *arg);

int __wrap_thread_start_detached(void *(*fn)(void *), void *arg)
{
	return fixture_no_threads ? -EAGAIN : __real_thread_start_detached(fn, arg);
}

void begin_endless_drain(struct request *q)
{
	sim_stuck_write();
	while (!sim_count().commits)
		usleep(100);
	sim_load(4, 20, 20);
	request_ask(q);
	wait_for_phase(CHECKPOINT_DRAIN);
}

uint32_t durable_era(void)
{
	struct store *s = volume_store_get(volume);
	struct store_info info;

	store_info(s, &info);
	volume_store_put(volume);
	return info.era;
}
