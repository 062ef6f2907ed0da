// SPDX-License-Identifier: GPL-2.0-or-later
/* Cases: the degrade record is durable before any write passes, and the next owner finds the record. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol.h"

#define META		"/dev/mapper/protocol-meta"
#define META_SECTORS	8192
#define RECORD_SECTOR	24
#define TIMED		"6 uuid " UUID " detach_policy degrade detach_timeout 1"
#define UNTIMED		"2 uuid " UUID

static char disk[64];			/* path of the loop device below META */
static uint8_t record[ERAD_RECORD_SIZE];

/* Changes the table of META.  table: for example "linear %s 0"; %s is replaced by the disk. */
static void metadata_is(const char *table)
{
	char text[256];

	snprintf(text, sizeof(text), table, disk);
	EXPECT(run("dmsetup suspend --noflush --nolockfs protocol-meta && "
		   "dmsetup load protocol-meta --table '0 %d %s' && dmsetup resume protocol-meta",
		   META_SECTORS, text), 0);
}

static void metadata_is_slow(int ms)
{
	char text[128];

	snprintf(text, sizeof(text), "delay %%1$s 0 0 %%1$s 0 %d", ms);
	metadata_is(text);
}

/* Makes an instance without an owner, whose metadata is on META. */
static void create_with_metadata(const char *on, const char *options)
{
	FILE *f;

	/*
	 * Write text to the start of META: a running erad would format a disk of zeros as new
	 * metadata.
	 */
	f = popen("truncate -s 4M $T/meta && echo protocol > $T/begin && "
		  "dd if=$T/begin of=$T/meta conv=notrunc status=none && losetup --find --show --direct-io=off $T/meta",
		  "r");
	CHECK(f && fgets(disk, sizeof(disk), f) && !pclose(f));
	disk[strcspn(disk, "\n")] = 0;
	EXPECT(run("dmsetup create protocol-meta --table '0 %d linear %s 0'", META_SECTORS, disk), 0);
	EXPECT(run("dmsetup create " NAME " --table '0 %d erad " META " %s %d %s'",
		   SECTORS, on, BLOCK / 512, options), 0);
	id = find_instance();
	memset(record, 0x5a, sizeof(record));
}

static int ready_with_record(uint32_t era, uint64_t sector)
{
	struct erad_ready a = {
		.era = era, .record = (uintptr_t)record, .record_sector = sector,
	};

	HDR(a);
	return call(owner, ERAD_IOC_READY, &a);
}

/* Begins era 1, and passes a record. */
static void begin_with_record(void)
{
	EXPECT(attach(id, &owner), 0);
	EXPECT(prepare(1), 0);
	EXPECT(new_era(0, 1, 1000), 0);
	EXPECT(ready_with_record(1, RECORD_SECTOR), 0);
	CHECK(info().status & ERAD_HAS_RECORD);
}

static int do_degrade(void)
{
	struct erad_degrade a = { .instance_id = id };

	HDR(a);
	return call(control, ERAD_IOC_DEGRADE, &a);
}

/* Returns whether the record is on the disk. */
static bool record_is_there(void)
{
	uint8_t *got;
	bool there;
	int fd;

	EXPECT(posix_memalign((void **)&got, 4096, 4096), 0);
	fd = open(disk, O_RDONLY | O_DIRECT);
	CHECK(fd >= 0);
	EXPECT(pread(fd, got, 4096, RECORD_SECTOR * 512), 4096);
	there = !memcmp(got, record, sizeof(record));
	close(fd);
	free(got);
	return there;
}

/* Returns whether the instance has this state.  The caller need not be the instance's owner. */
static bool state_is(const char *state)
{
	return !run("dmsetup status " NAME " | grep -q ' %s '", state);
}

/* Attaches as soon as the module allows this. */
static void attach_at_last(void)
{
	uint64_t end = now_ms() + 60000;
	int r;

	while ((r = attach(id, &owner)) == EAGAIN && now_ms() < end)
		usleep(20000);
	EXPECT(r, 0);
}

/* Calls DEGRADE in a thread, because the call waits. */
static void *degrade_main(void *result)
{
	*(int *)result = do_degrade();
	return NULL;
}

/*
 * Calls DEGRADE with slow metadata.  When this function returns, the write of the record is still
 * in flight.
 */
static void start_degrade(pthread_t *t, int *result)
{
	metadata_is_slow(3000);
	EXPECT(pthread_create(t, NULL, degrade_main, result), 0);
	await_delayed(META);
}

/* Makes a held write to the first block, and then detaches the owner. */
static void leave_held(const char *options, struct writer *w)
{
	*w = (struct writer){ .off = 0, .len = 4096 };
	create_with_metadata(origin, options);
	begin_with_record();
	start(w);
	wait_in();
	close(owner);
}

void degrade_record_is_first(void)
{
	struct writer w = { .off = 0, .len = 4096 };

	create_with_metadata(origin, TIMED);
	begin_with_record();
	metadata_is_slow(1500);
	start(&w);
	fetch();
	close(owner);
	for (;;) {
		bool done = w.done;

		CHECK(record_is_there() || !done);
		if (done)
			break;
		usleep(20000);
	}
	EXPECT(finish(&w), 0);
	CHECK(state_is("degraded"));
	EXPECT(do_io(WRITE, 9 * BLOCK, 3 * BLOCK), 0);
	EXPECT(do_io(DISCARD, 0, 100 * BLOCK), 0);
}

/* Check the flags of the record's write, using a tracepoint of the block layer. */
void degrade_record_is_fua(void)
{
	create_with_metadata(origin, UNTIMED);
	begin_with_record();
	EXPECT(run("cd /sys/kernel/tracing 2>/dev/null || mount -t tracefs tracefs /sys/kernel/tracing; "
		   "cd /sys/kernel/tracing && echo > trace && echo 1 > events/block/block_bio_queue/enable"), 0);
	EXPECT(do_degrade(), 0);
	EXPECT(run("cd /sys/kernel/tracing && echo 0 > events/block/block_bio_queue/enable; "
		   "grep -q ': [0-9,]* WF[A-Z]* %d + 1 ' trace || { cat trace >&2; false; }",
		   RECORD_SECTOR), 0);
	CHECK(record_is_there());
}

void degrade_only_for_held_writes(void)
{
	struct writer w = { .off = 0, .len = 4096 };
	uint64_t began;

	create_with_metadata(origin, TIMED);
	begin_with_record();
	start(&w);
	commit(fetch().batch);
	EXPECT(finish(&w), 0);
	close(owner);
	sleep(2);
	EXPECT(do_io(WRITE, 4096, 4096), 0);	/* write to a recorded block */
	CHECK(state_is("detached"));
	CHECK(!record_is_there());
	w.off = BLOCK;
	began = now_ms();
	start(&w);
	EXPECT(finish(&w), 0);
	CHECK(now_ms() - began >= 1000);
	CHECK(state_is("degraded"));
}

/* Owners that attach and detach without a commit do not restart the detach timeout. */
void degrade_in_spite_of_attempts(void)
{
	struct writer w = { .off = 0, .len = 4096 };

	create_with_metadata(origin, TIMED);
	begin_with_record();
	start(&w);
	fetch();
	close(owner);
	while (!w.done) {
		if (!attach(id, &owner)) {
			usleep(100000);
			close(owner);
		}
		usleep(100000);
	}
	EXPECT(finish(&w), 0);
	CHECK(state_is("degraded"));
}

/* While there is an owner, the detach timeout does not run. */
void degrade_not_while_owned(void)
{
	struct writer w = { .off = 0, .len = 4096 };

	create_with_metadata(origin, TIMED);
	begin_with_record();
	start(&w);
	wait_in();
	sleep(2);
	CHECK(!w.done);
	EXPECT(info().state, ERAD_ACTIVE);
	commit(fetch().batch);
	EXPECT(finish(&w), 0);
	CHECK(!record_is_there());
}

void degrade_until_new_era(void)
{
	struct writer w = { .off = 0, .len = 4096 }, slowly = { .off = 5 * BLOCK, .len = 4096 };
	struct erad_xfer x;

	create_with_metadata(slow, UNTIMED);
	begin_with_record();
	close(owner);
	EXPECT(do_degrade(), 0);
	EXPECT(attach(id, &owner), 0);
	EXPECT(info().state, ERAD_LOADING);
	CHECK(info().status & ERAD_PASSES_ALL);
	EXPECT(do_io(WRITE, BLOCK, 4096), 0);
	EXPECT(ready_with_record(1, RECORD_SECTOR), EINVAL);
	EXPECT(prepare(2), 0);
	slow_takes(60000);
	start(&slowly);
	await_delayed(slow);
	EXPECT(new_era(1, 2, 0), ETIMEDOUT);	/* the drain waits for the slow write */
	CHECK(!(info().status & ERAD_PASSES_ALL));
	start(&w);
	CHECK(!slowly.done);
	new_era_waits(1, 2);
	EXPECT(finish(&slowly), 0);
	CHECK(still_held(&w));
	EXPECT(ready_with_record(2, RECORD_SECTOR), 0);
	x = fetch();
	EXPECT(x.era, 2);
	EXPECT(ranges[0].first, 0);
	commit(x.batch);
	EXPECT(finish(&w), 0);
}

/* If an owner dies before NEW_ERA, the instance stays degraded. */
void degrade_survives_owners(void)
{
	create_with_metadata(origin, UNTIMED);
	begin_with_record();
	close(owner);
	EXPECT(do_degrade(), 0);
	EXPECT(attach(id, &owner), 0);
	EXPECT(prepare(2), 0);
	close(owner);
	CHECK(state_is("degraded"));
	EXPECT(do_io(WRITE, BLOCK, 4096), 0);
	EXPECT(do_abort(id), 0);		/* ABORT changes nothing, because no write is held */
	CHECK(state_is("degraded"));
	EXPECT(do_degrade(), 0);
	EXPECT(attach(id, &owner), 0);
	EXPECT(new_era(1, 2, 1000), 0);
	close(owner);
	CHECK(state_is("detached"));
}

void degrade_attach_waits(void)
{
	struct writer w;
	pthread_t t;
	int r = -1;

	leave_held(UNTIMED, &w);
	start_degrade(&t, &r);
	attach_at_last();
	CHECK(record_is_there());
	CHECK(info().status & ERAD_PASSES_ALL);
	EXPECT(info().state, ERAD_LOADING);
	EXPECT(do_degrade(), 0);
	EXPECT(pthread_join(t, NULL), 0);
	EXPECT(r, 0);
	EXPECT(finish(&w), 0);
}

void degrade_metadata_fails(void)
{
	struct writer w = { .off = 0, .len = 4096 };

	create_with_metadata(origin, TIMED);
	begin_with_record();
	start(&w);
	wait_in();
	metadata_is("error");
	close(owner);				/* now the detach timeout begins */
	EXPECT(do_degrade(), EIO);
	sleep(3);
	CHECK(!w.done);
	CHECK(state_is("detached"));
	metadata_is("linear %s 0");
	EXPECT(finish(&w), 0);			/* the module tries to write the record again */
	CHECK(record_is_there());
	CHECK(state_is("degraded"));
}

/* DEGRADE works while there is an owner, and also while a batch is outstanding. */
void degrade_by_hand(void)
{
	struct writer a = { .off = 0, .len = 4096 }, b = { .off = 7 * BLOCK, .len = 4096 };
	struct erad_xfer x, y;

	create_with_metadata(origin, UNTIMED);
	EXPECT(do_degrade(), EOPNOTSUPP);	/* no owner has called READY */
	EXPECT(attach(id, &owner), 0);
	EXPECT(prepare(1), 0);
	EXPECT(new_era(0, 1, 1000), 0);
	EXPECT(ready_with_record(1, META_SECTORS), EINVAL);
	EXPECT(ready_with_record(1, RECORD_SECTOR), 0);
	close(owner);
	EXPECT(attach(id, &owner), 0);
	EXPECT(do_degrade(), EAGAIN);		/* the instance is LOADING: its owner may be clearing the record */
	EXPECT(ready_with_record(1, RECORD_SECTOR), 0);
	start(&a);
	x = fetch();
	start(&b);
	CHECK(still_held(&b));
	EXPECT(do_degrade(), 0);
	EXPECT(finish(&a), 0);
	EXPECT(finish(&b), 0);
	CHECK(record_is_there());
	EXPECT(info().state, ERAD_DEGRADED);
	EXPECT(xfer(x.batch, 0, 1, &y), ENOTCONN);
	EXPECT(prepare(2), 0);
	EXPECT(new_era(1, 2, 0), EINVAL);
	EXPECT(do_io(WRITE, 11 * BLOCK, 4096), 0);
	close(owner);
	CHECK(state_is("degraded"));
}

/* DEGRADE also works in the state FAILED. */
void degrade_after_abort(void)
{
	create_with_metadata(origin, UNTIMED);
	begin_with_record();
	EXPECT(do_abort(id), 0);
	EXPECT(do_io(WRITE, 0, 4096), EIO);
	EXPECT(do_degrade(), 0);
	EXPECT(do_io(WRITE, 0, 4096), 0);
	EXPECT(info().state, ERAD_DEGRADED);
}

/* An ABORT during the write of the record fails the held writes. */
void degrade_aborted(void)
{
	struct writer w;
	pthread_t t;
	int r = -1;

	leave_held(UNTIMED, &w);
	start_degrade(&t, &r);
	EXPECT(do_abort(id), 0);
	EXPECT(finish(&w), EIO);
	EXPECT(pthread_join(t, NULL), 0);
	EXPECT(r, ECANCELED);
	CHECK(state_is("failed"));
	EXPECT(do_io(WRITE, 0, 4096), EIO);
}

/* The target can be removed during the write of the record. */
void degrade_gone(void)
{
	pthread_t t;
	int r = -1;

	create_with_metadata(origin, UNTIMED);
	begin_with_record();
	close(owner);
	start_degrade(&t, &r);
	EXPECT(run("dmsetup remove " NAME), 0);
	EXPECT(pthread_join(t, NULL), 0);
	CHECK(record_is_there());
	CHECK(r == ENOENT || r == 0);
	EXPECT(attach(id, &owner), ENOENT);
}

void degrade_noflush_suspend(void)
{
	struct writer w;
	pthread_t t;
	int r = -1;

	leave_held(UNTIMED, &w);
	start_degrade(&t, &r);
	EXPECT(run("dmsetup suspend --noflush --nolockfs " NAME), 0);
	/*
	 * the suspend has waited for the record's write, so the write cannot collide with the next
	 * table
	 */
	CHECK(record_is_there());
	EXPECT(pthread_join(t, NULL), 0);
	EXPECT(r, 0);
	CHECK(state_is("degraded"));
	CHECK(!w.done);
	EXPECT(run("dmsetup resume " NAME), 0);
	EXPECT(finish(&w), 0);
}

/* A degrade after the detach timeout ends a suspend that waits for held writes. */
void degrade_flush_suspend(void)
{
	struct writer w;

	leave_held(TIMED, &w);
	EXPECT(run("dmsetup suspend --nolockfs " NAME), 0);
	EXPECT(finish(&w), 0);
	CHECK(state_is("degraded"));
	EXPECT(run("dmsetup resume " NAME), 0);
	EXPECT(do_io(WRITE, BLOCK, 4096), 0);
}

/* The instance of a new table has no record before READY, so it holds writes. */
void degrade_reload(void)
{
	struct writer w = { .off = 0, .len = 4096 };

	create_with_metadata(origin, TIMED);
	begin_with_record();
	close(owner);
	EXPECT(do_degrade(), 0);
	EXPECT(run("dmsetup suspend --nolockfs " NAME " && dmsetup load " NAME
		   " --table '0 %d erad " META " %s %d " TIMED "' && dmsetup resume " NAME,
		   SECTORS, origin, BLOCK / 512), 0);
	id = find_instance();
	start(&w);
	sleep(2);
	CHECK(!w.done);
	EXPECT(do_degrade(), EOPNOTSUPP);
	CHECK(state_is("detached"));
	CHECK(record_is_there());
	EXPECT(do_abort(id), 0);
	EXPECT(finish(&w), EIO);
}

void degrade_needs_a_device(void)
{
	memset(record, 0x5a, sizeof(record));
	CHECK(run("dmsetup create " NAME " --table '0 %d erad - %s %d " TIMED "' 2>/dev/null",
		  SECTORS, origin, BLOCK / 512));
	setup();
	EXPECT(do_degrade(), EOPNOTSUPP);
	close(owner);
	EXPECT(attach(id, &owner), 0);
	EXPECT(ready_with_record(1, RECORD_SECTOR), EINVAL);
	EXPECT(ready(1), 0);
	EXPECT(do_degrade(), EOPNOTSUPP);
}
