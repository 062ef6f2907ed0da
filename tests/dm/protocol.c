// SPDX-License-Identifier: GPL-2.0-or-later
/* Plays the owner of an instance by hand and holds the module to every promise of include/erad_uapi.h. */

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define NAME		"protocol"
#define DEV		"/dev/mapper/" NAME
#define UUID		"7b1ce1a4-61b2-4a4c-9c7a-0c8c55a0e001"
#define BLOCK		65536
#define SECTORS		131072		/* 64 MiB */

static int control;
static int owner = -1;
static uint64_t id;
static const char *origin;		/* a loop device of SECTORS */
static const char *slow;		/* the same behind dm-delay, 300 ms a write */

static int run(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;
	int r;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	r = system(cmd);
	return WIFEXITED(r) ? WEXITSTATUS(r) : 128;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

/* ---- the ioctls, 0 or positive errno ---- */

static int attach(uint64_t which, int *fd)
{
	struct erad_attach a = { .instance_id = which };
	int r;

	HDR(a);
	r = call(control, ERAD_IOC_ATTACH, &a);
	*fd = r ? -1 : a.fd;
	return r;
}

static int prepare(uint32_t to)
{
	struct erad_prepare a = { .to = to };

	HDR(a);
	return call(owner, ERAD_IOC_PREPARE_ERA, &a);
}

static int new_era(uint32_t from, uint32_t to, uint32_t drain_ms)
{
	struct erad_newera a = { .from = from, .to = to, .drain_ms = drain_ms };

	HDR(a);
	return call(owner, ERAD_IOC_NEW_ERA, &a);
}

static int ready(uint32_t era)
{
	struct erad_ready a = { .era = era };

	HDR(a);
	return call(owner, ERAD_IOC_READY, &a);
}

static struct erad_info info(void)
{
	struct erad_info i = { 0 };

	HDR(i);
	EXPECT(call(owner, ERAD_IOC_INFO, &i), 0);
	return i;
}

static struct erad_range ranges[ERAD_MAX_RANGES];

static int xfer(uint64_t commit, uint32_t status, uint32_t max, struct erad_xfer *x)
{
	*x = (struct erad_xfer) {
		.commit_batch = commit, .commit_status = status,
		.max = max, .buf = (uintptr_t)ranges,
	};
	HDR(*x);
	return call(owner, ERAD_IOC_COMMIT_FETCH, x);
}

static int owner_poll(int ms)
{
	struct pollfd p = { .fd = owner, .events = POLLIN | POLLPRI };

	return poll(&p, 1, ms) > 0 ? p.revents : 0;
}

static void wait_in(void)
{
	uint64_t end = now_ms() + 10000;

	while (!(owner_poll(100) & POLLIN))
		if (now_ms() > end)
			FAIL("no held write showed up");
}

/* The next batch, which must come. */
static struct erad_xfer fetch(void)
{
	struct erad_xfer x;

	wait_in();
	EXPECT(xfer(0, 0, ERAD_MAX_RANGES, &x), 0);
	CHECK(x.batch);
	return x;
}

static void commit(uint64_t batch)
{
	struct erad_xfer x;

	EXPECT(xfer(batch, 0, 0, &x), 0);
}

/* ---- the device ---- */

static uint64_t find_instance(void)
{
	struct erad_info list[16];
	struct erad_list l = {
		.buf = (uintptr_t)list, .entry_size = sizeof(list[0]), .cap = 16,
	};
	uint64_t found = 0;
	struct stat st;

	HDR(l);
	EXPECT(stat(DEV, &st), 0);
	EXPECT(call(control, ERAD_IOC_LIST, &l), 0);
	for (uint32_t i = 0; i < l.nr && i < 16; i++)
		if (makedev(list[i].dev_major, list[i].dev_minor) == st.st_rdev &&
		    list[i].instance_id > found)
			found = list[i].instance_id;
	CHECK(found);
	return found;
}

static void create(const char *on, const char *options)
{
	EXPECT(run("dmsetup create " NAME " --table '0 %d erad - %s %d %s'",
		   SECTORS, on, BLOCK / 512, options), 0);
	id = find_instance();
}

static void begin(uint32_t era)
{
	EXPECT(attach(id, &owner), 0);
	EXPECT(prepare(era), 0);
	EXPECT(new_era(0, era, 1000), 0);
	EXPECT(ready(era), 0);
}

static void setup(void)
{
	create(origin, "2 uuid " UUID);
	begin(1);
}

/* ---- writers ---- */

struct writer {
	pthread_t thread;
	uint64_t off, len;
	enum { WRITE, DISCARD, ZERO, READ } op;
	volatile bool done;
	int result;		/* 0 or errno */
};

static void *writer_main(void *arg)
{
	struct writer *w = arg;
	uint64_t range[2] = { w->off, w->len };
	int fd = open(DEV, O_RDWR | O_DIRECT);
	void *buf = NULL;
	long r;

	if (fd < 0) {
		w->result = errno;
		w->done = true;
		return NULL;
	}
	if (posix_memalign(&buf, 4096, w->len < (4 << 20) ? w->len : 4096))
		abort();
	switch (w->op) {
	case WRITE:
		memset(buf, 0xa5, w->len);
		r = pwrite(fd, buf, w->len, w->off);
		break;
	case READ:
		r = pread(fd, buf, w->len, w->off);
		break;
	case DISCARD:
		r = ioctl(fd, BLKDISCARD, range);
		break;
	default:
		r = ioctl(fd, BLKZEROOUT, range);
		break;
	}
	w->result = r < 0 ? errno : 0;
	free(buf);
	close(fd);
	w->done = true;
	return NULL;
}

static void start(struct writer *w)
{
	w->done = false;
	EXPECT(pthread_create(&w->thread, NULL, writer_main, w), 0);
}

static int finish(struct writer *w)
{
	EXPECT(pthread_join(w->thread, NULL), 0);
	return w->result;
}

static int do_io(int op, uint64_t off, uint64_t len)
{
	struct writer w = { .off = off, .len = len, .op = op };

	start(&w);
	return finish(&w);
}

static bool still_held(struct writer *w)
{
	usleep(200000);
	return !w->done;
}

/* ---- the cases ---- */

static void held_until_commit(void)
{
	struct writer w = { .off = 3 * BLOCK, .len = 4096 };
	struct erad_xfer x;

	setup();
	EXPECT(do_io(READ, 3 * BLOCK, 4096), 0);
	start(&w);
	x = fetch();
	EXPECT(x.nr, 1);
	EXPECT(x.era, 1);
	EXPECT(ranges[0].first, 3);
	EXPECT(ranges[0].len, 1);
	CHECK(still_held(&w));
	commit(x.batch);
	EXPECT(finish(&w), 0);
	EXPECT(do_io(WRITE, 3 * BLOCK + 4096, 8192), 0);	/* recorded: nobody is asked */
	EXPECT(owner_poll(0) & POLLIN, 0);
}

/* Commits whatever w is held for, until it has completed; only blocks first … last may be asked for. */
static void serve(struct writer *w, uint64_t first, uint64_t last, bool *seen)
{
	struct erad_xfer x;

	start(w);
	while (!w->done) {
		if (!(owner_poll(100) & POLLIN))
			continue;
		EXPECT(xfer(0, 0, ERAD_MAX_RANGES, &x), 0);
		for (uint32_t i = 0; i < x.nr; i++)
			for (uint64_t b = ranges[i].first; b < ranges[i].first + ranges[i].len; b++) {
				CHECK(b >= first && b <= last);
				seen[b] = true;
			}
		CHECK(!w->done);
		commit(x.batch);
	}
	EXPECT(finish(w), 0);
}

/* A bio over many blocks is held if any of them is missing, and all that miss are reported. */
static void many_blocks(void)
{
	struct writer one = { .off = 10 * BLOCK, .len = 4096 };
	struct writer w = { .off = 8 * BLOCK + 4096, .len = 6 * BLOCK };
	struct erad_xfer x;
	bool seen[16] = { false };

	setup();
	start(&one);
	x = fetch();
	commit(x.batch);
	EXPECT(finish(&one), 0);

	serve(&w, 8, 14, seen);
	for (int b = 8; b <= 14; b++)
		CHECK(seen[b] || b == 10);
}

static void check_wide(int op)
{
	struct writer w = { .off = 4 * BLOCK + 4096, .len = 100 * BLOCK, .op = op };
	bool seen[128] = { false };

	setup();
	serve(&w, 4, 104, seen);
	for (int b = 4; b <= 104; b++)
		CHECK(seen[b]);
}

static void discard_many_blocks(void)
{
	check_wide(DISCARD);
}

static void write_zeroes_many_blocks(void)
{
	check_wide(ZERO);
}

static void full_buffer(void)
{
	struct writer w[5];
	struct erad_xfer x;
	uint32_t got = 0;

	setup();
	for (int i = 0; i < 5; i++) {
		w[i] = (struct writer) { .off = (i * 7 + 1) * BLOCK, .len = 4096 };
		start(&w[i]);
	}
	usleep(300000);
	while (got < 5) {
		wait_in();
		EXPECT(xfer(0, 0, 2, &x), 0);
		CHECK(x.nr >= 1 && x.nr <= 2);
		got += x.nr;
		EXPECT(x.pending, 5 - got);
		commit(x.batch);
	}
	for (int i = 0; i < 5; i++)
		EXPECT(finish(&w[i]), 0);
}

static void stale_batch(void)
{
	struct writer w = { .off = BLOCK, .len = 4096 };
	struct erad_xfer x, y;

	setup();
	EXPECT(xfer(77, 0, 0, &y), ESTALE);
	start(&w);
	x = fetch();
	EXPECT(xfer(0, 0, 1, &y), EBUSY);
	EXPECT(xfer(x.batch + 1, 0, 1, &y), ESTALE);
	CHECK(still_held(&w));

	/* the era it was fetched in has passed: it is to be recorded again */
	EXPECT(prepare(2), 0);
	EXPECT(new_era(1, 2, 1000), 0);
	EXPECT(xfer(x.batch, 0, 0, &y), ESTALE);
	CHECK(still_held(&w));
	x = fetch();
	EXPECT(x.era, 2);
	EXPECT(x.nr, 1);
	EXPECT(ranges[0].first, 1);
	commit(x.batch);
	EXPECT(xfer(x.batch, 0, 0, &y), ESTALE);
	EXPECT(finish(&w), 0);
}

static void rollover_gates_again(void)
{
	struct writer w = { .off = BLOCK, .len = 4096 };
	struct erad_xfer x;

	setup();
	start(&w);
	commit(fetch().batch);
	EXPECT(finish(&w), 0);
	EXPECT(new_era(1, 2, 1000), EINVAL);		/* not prepared */
	EXPECT(prepare(2), 0);
	EXPECT(new_era(3, 2, 1000), EINVAL);
	EXPECT(new_era(0, 2, 1000), EINVAL);
	EXPECT(new_era(1, 2, 1000), 0);
	EXPECT(new_era(1, 2, 1000), 0);			/* again: done already */
	EXPECT(info().era, 2);
	start(&w);
	x = fetch();
	EXPECT(x.era, 2);
	CHECK(still_held(&w));
	commit(x.batch);
	EXPECT(finish(&w), 0);
}

/* The checkpoint must not be acknowledged while a write recorded only in the old era is in flight. */
static void rollover_drains(void)
{
	struct writer w = { .off = BLOCK, .len = 4096 };
	struct writer next = { .off = BLOCK, .len = 4096 };
	struct erad_xfer x;

	create(slow, "2 uuid " UUID);
	begin(1);
	start(&w);
	commit(fetch().batch);
	EXPECT(prepare(2), 0);
	EXPECT(new_era(1, 2, 0), ETIMEDOUT);
	CHECK(!w.done);
	EXPECT(info().era, 2);
	CHECK(info().status & ERAD_DRAINING);
	start(&next);				/* meanwhile the new era is served */
	x = fetch();
	EXPECT(x.era, 2);
	commit(x.batch);
	EXPECT(prepare(3), 0);
	EXPECT(new_era(2, 3, 0), EBUSY);	/* one drain at a time */
	EXPECT(new_era(1, 2, 10000), 0);
	CHECK(!(info().status & ERAD_DRAINING));
	/* end_io ran; the writer itself may need a moment to be scheduled */
	for (int i = 0; i < 50 && !w.done; i++)
		usleep(2000);
	CHECK(w.done);
	EXPECT(finish(&w), 0);
	EXPECT(finish(&next), 0);
	EXPECT(new_era(2, 3, 10000), 0);
}

static void failed_commit(void)
{
	struct writer recorded = { .off = 0, .len = 4096 };
	struct writer w = { .off = BLOCK, .len = 4096 };
	struct erad_xfer x, y;

	setup();
	start(&recorded);
	commit(fetch().batch);
	EXPECT(finish(&recorded), 0);
	start(&w);
	x = fetch();
	EXPECT(xfer(x.batch, EIO, 0, &y), 0);
	EXPECT(finish(&w), EIO);
	EXPECT(info().state, ERAD_FAILED);
	EXPECT(do_io(WRITE, BLOCK, 4096), EIO);
	EXPECT(do_io(WRITE, 0, 4096), 0);
	EXPECT(do_io(READ, BLOCK, 4096), 0);
	EXPECT(xfer(0, 0, 1, &y), EIO);
	close(owner);
	EXPECT(attach(id, &owner), 0);
	EXPECT(info().state, ERAD_LOADING);
	EXPECT(ready(1), 0);
	start(&w);
	commit(fetch().batch);
	EXPECT(finish(&w), 0);
}

static int do_abort(uint64_t which)
{
	struct erad_abort a = { .instance_id = which };

	HDR(a);
	return call(control, ERAD_IOC_ABORT, &a);
}

static void abort_frees(void)
{
	struct writer a = { .off = 0, .len = 4096 }, b = { .off = 9 * BLOCK, .len = 4096 };
	struct erad_xfer x, y;

	setup();
	EXPECT(do_abort(id + 1000), ENOENT);
	start(&a);
	x = fetch();
	start(&b);
	usleep(200000);
	EXPECT(do_abort(id), 0);
	EXPECT(finish(&a), EIO);
	EXPECT(finish(&b), EIO);
	EXPECT(xfer(x.batch, 0, 0, &y), EIO);
	EXPECT(do_abort(id), 0);
}

/* Removal with held writes: they keep the device open until ABORT. */
static void remove_after_abort(void)
{
	struct writer w = { .off = 0, .len = 4096 };

	create(origin, "2 uuid " UUID);
	start(&w);
	CHECK(still_held(&w));
	CHECK(run("dmsetup remove " NAME " 2>/dev/null") != 0);
	EXPECT(do_abort(id), 0);
	EXPECT(finish(&w), EIO);
	EXPECT(run("dmsetup remove " NAME), 0);
}

static void reattach(void)
{
	struct writer a = { .off = 0, .len = 4096 };
	struct writer b = { .off = 5 * BLOCK, .len = 4096 };
	struct erad_xfer x;
	int second;

	setup();
	EXPECT(attach(id, &second), EBUSY);
	EXPECT(attach(id + 1000, &second), ENOENT);
	start(&a);
	commit(fetch().batch);
	EXPECT(finish(&a), 0);
	start(&b);
	x = fetch();
	close(owner);				/* with a batch fetched: erad died */
	EXPECT(do_io(WRITE, 4096, 4096), 0);	/* recorded */
	EXPECT(do_io(READ, 5 * BLOCK, 4096), 0);
	CHECK(still_held(&b));
	EXPECT(attach(id, &owner), 0);
	EXPECT(xfer(x.batch, 0, 0, &x), EINVAL);	/* not READY */
	EXPECT(ready(2), EINVAL);
	EXPECT(ready(1), 0);
	EXPECT(ready(1), EINVAL);
	x = fetch();
	EXPECT(x.nr, 1);
	EXPECT(ranges[0].first, 5);
	commit(x.batch);
	EXPECT(finish(&b), 0);
}

static void detach_policy_fail(void)
{
	struct writer w = { .off = 0, .len = 4096 };

	create(origin, "6 uuid " UUID " detach_policy fail detach_timeout 1");
	start(&w);
	EXPECT(finish(&w), EIO);		/* nobody came */
	EXPECT(attach(id, &owner), 0);
	EXPECT(info().state, ERAD_LOADING);
}

/* The time an owner has begins with the resume, and does not run while the device is suspended. */
static void detach_timeout_suspended(void)
{
	struct writer w = { .off = 0, .len = 4096 };

	create(origin, "6 uuid " UUID " detach_policy fail detach_timeout 1");
	begin(1);
	EXPECT(run("dmsetup suspend --nolockfs " NAME), 0);
	close(owner);
	sleep(2);
	EXPECT(run("dmsetup status " NAME " | grep -q detached"), 0);
	EXPECT(run("dmsetup resume " NAME), 0);
	EXPECT(attach(id, &owner), 0);
	EXPECT(ready(1), 0);
	start(&w);
	commit(fetch().batch);
	EXPECT(finish(&w), 0);
}

static void *poll_main(void *arg)
{
	*(int *)arg = owner_poll(5000);
	return NULL;
}

/* Who sleeps in poll() while a batch is out hears of what is queued behind it when it is committed. */
static void poll_wakes_after_commit(void)
{
	struct writer a = { .off = 0, .len = 4096 }, b = { .off = 4 * BLOCK, .len = 4096 };
	struct erad_xfer x;
	pthread_t thread;
	int events = 0;
	uint64_t began;

	setup();
	start(&a);
	x = fetch();
	start(&b);
	usleep(200000);
	info();			/* so that PRI is not what wakes it */
	began = now_ms();
	EXPECT(pthread_create(&thread, NULL, poll_main, &events), 0);
	usleep(300000);
	commit(x.batch);
	EXPECT(pthread_join(thread, NULL), 0);
	CHECK(events & POLLIN);
	CHECK(now_ms() - began < 4000);
	EXPECT(finish(&a), 0);
	commit(fetch().batch);
	EXPECT(finish(&b), 0);
}

static void bad_buffer(void)
{
	struct writer w = { .off = 2 * BLOCK, .len = 4096 };
	struct erad_xfer x = { .max = 16, .buf = 8 };

	setup();
	start(&w);
	wait_in();
	HDR(x);
	EXPECT(call(owner, ERAD_IOC_COMMIT_FETCH, &x), EFAULT);
	CHECK(still_held(&w));
	x = fetch();
	EXPECT(ranges[0].first, 2);
	commit(x.batch);
	EXPECT(finish(&w), 0);
}

static void gone(void)
{
	struct erad_info i = { 0 };
	struct erad_stats s = { 0 };
	struct erad_xfer x;

	setup();
	EXPECT(run("dmsetup remove " NAME), 0);
	CHECK(owner_poll(1000) & POLLHUP);
	EXPECT(xfer(0, 0, 1, &x), ENODEV);
	EXPECT(xfer(1, 0, 1, &x), ENODEV);
	EXPECT(prepare(2), ENODEV);
	EXPECT(new_era(1, 2, 0), ENODEV);
	EXPECT(ready(1), ENODEV);
	HDR(s);
	EXPECT(call(owner, ERAD_IOC_STATS, &s), ENODEV);
	HDR(i);
	EXPECT(call(owner, ERAD_IOC_INFO, &i), ENODEV);
	EXPECT(attach(id, &owner), ENOENT);
}

/* A noflush suspend hands held writes back to dm, fetched or not, and they come again. */
static void noflush_suspend(void)
{
	struct writer a = { .off = 0, .len = 4096 }, b = { .off = 4 * BLOCK, .len = 4096 };
	struct erad_xfer x, y;

	setup();
	start(&a);
	x = fetch();
	start(&b);
	usleep(200000);
	EXPECT(run("dmsetup suspend --noflush --nolockfs " NAME), 0);
	CHECK(!(info().status & ERAD_RESUMED));
	EXPECT(xfer(x.batch, 0, 0, &y), ESTALE);
	EXPECT(run("dmsetup resume " NAME), 0);
	CHECK(info().status & ERAD_RESUMED);
	for (int blocks = 0; blocks < 2; ) {
		x = fetch();
		blocks += x.nr;
		commit(x.batch);
	}
	EXPECT(finish(&a), 0);
	EXPECT(finish(&b), 0);
}

/* The same without an owner, and another table is swapped in meanwhile. */
static void noflush_reload_detached(void)
{
	struct writer w = { .off = 0, .len = 4096 };
	struct erad_xfer x;
	uint64_t old;

	create(origin, "2 uuid " UUID);
	old = id;
	start(&w);
	CHECK(still_held(&w));
	EXPECT(run("dmsetup suspend --noflush --nolockfs " NAME), 0);
	EXPECT(run("dmsetup load " NAME " --table '0 %d erad - %s %d 2 uuid " UUID "'",
		   SECTORS, origin, BLOCK / 512), 0);
	EXPECT(run("dmsetup resume " NAME), 0);
	CHECK(still_held(&w));
	id = find_instance();
	CHECK(id != old);
	begin(5);
	x = fetch();
	EXPECT(x.era, 5);
	commit(x.batch);
	EXPECT(finish(&w), 0);
}

/* With flush, the suspend waits for held writes, and the owner goes on serving. */
static void flush_suspend(void)
{
	struct writer w = { .off = 0, .len = 4096 };
	struct erad_xfer x;
	int status;
	pid_t pid;

	setup();
	start(&w);
	x = fetch();
	pid = fork();
	if (!pid)
		_exit(run("dmsetup suspend --nolockfs " NAME));
	usleep(500000);
	EXPECT(waitpid(pid, &status, WNOHANG), 0);
	commit(x.batch);
	EXPECT(waitpid(pid, &status, 0), pid);
	EXPECT(status, 0);
	EXPECT(run("dmsetup resume " NAME), 0);
	EXPECT(finish(&w), 0);
}

static void flush_suspend_abort(void)
{
	struct writer w = { .off = 0, .len = 4096 };
	int status;
	pid_t pid;

	create(origin, "2 uuid " UUID);
	start(&w);
	CHECK(still_held(&w));
	pid = fork();
	if (!pid)
		_exit(run("dmsetup suspend --nolockfs " NAME));
	usleep(500000);
	EXPECT(waitpid(pid, &status, WNOHANG), 0);
	EXPECT(do_abort(id), 0);
	EXPECT(waitpid(pid, &status, 0), pid);
	EXPECT(status, 0);
	EXPECT(run("dmsetup resume " NAME), 0);
	EXPECT(finish(&w), EIO);
}

static void last_partial_block(void)
{
	uint64_t last = (SECTORS - 8) * 512ull - 4096;
	struct writer w = { .off = last, .len = 4096 };
	struct erad_xfer x;

	EXPECT(run("dmsetup create " NAME " --table '0 %d erad - %s %d 2 uuid " UUID "'",
		   SECTORS - 8, origin, 24), 0);	/* 12 KiB blocks: no power of two either */
	id = find_instance();
	begin(1);
	EXPECT(info().nr_blocks, (SECTORS - 8 + 23) / 24);
	start(&w);
	x = fetch();
	EXPECT(ranges[0].first, info().nr_blocks - 1);
	EXPECT(ranges[0].len, 1);
	commit(x.batch);
	EXPECT(finish(&w), 0);
}

static void unload_refused(void)
{
	CHECK(run("rmmod dm_erad 2>/dev/null") != 0);	/* the control node is open */
	setup();
	close(control);
	CHECK(run("rmmod dm_erad 2>/dev/null") != 0);
}

static void metadata_is_not_shared(void)
{
	setup();
	CHECK(run("dmsetup create other --table '0 8 erad - %s 8 2 uuid " UUID "' 2>/dev/null",
		  slow));
	CHECK(run("dmsetup create other --table '0 8 erad %s %s 8' 2>/dev/null", slow, slow));
	/* nor by two targets of one table, nor may it be what another one writes to */
	EXPECT(run("dmsetup remove " NAME), 0);
	CHECK(run("printf '0 8 erad - %s 8 2 uuid " UUID "\\n8 8 erad - %s 8 2 uuid " UUID
		  "\\n' | dmsetup create other 2>/dev/null", slow, slow));
	CHECK(run("printf '0 8 erad %s %s 8\\n8 8 erad %s %s 8\\n' | dmsetup create other 2>/dev/null",
		  origin, slow, origin, slow));
	EXPECT(run("dmsetup create free --table '0 8192 error'"), 0);
	EXPECT(run("dmsetup create " NAME " --table '0 8 erad %s /dev/mapper/free 8'", slow), 0);
	CHECK(run("dmsetup create other --table '0 8 erad - %s 8 2 uuid " UUID "' 2>/dev/null", slow));
}

/* ---- wrong arguments ---- */

struct sized {
	const char *name;
	unsigned long cmd;
	size_t size;
	bool on_owner;
};

static const struct sized calls[] = {
	{ "VERSION", ERAD_IOC_VERSION, sizeof(struct erad_version), false },
	{ "LIST", ERAD_IOC_LIST, sizeof(struct erad_list), false },
	{ "ATTACH", ERAD_IOC_ATTACH, sizeof(struct erad_attach), false },
	{ "ABORT", ERAD_IOC_ABORT, sizeof(struct erad_abort), false },
	{ "INFO", ERAD_IOC_INFO, sizeof(struct erad_info), true },
	{ "READY", ERAD_IOC_READY, sizeof(struct erad_ready), true },
	{ "COMMIT_FETCH", ERAD_IOC_COMMIT_FETCH, sizeof(struct erad_xfer), true },
	{ "PREPARE_ERA", ERAD_IOC_PREPARE_ERA, sizeof(struct erad_prepare), true },
	{ "NEW_ERA", ERAD_IOC_NEW_ERA, sizeof(struct erad_newera), true },
	{ "USAGE", ERAD_IOC_USAGE, sizeof(struct erad_usage), true },
	{ "STATS", ERAD_IOC_STATS, sizeof(struct erad_stats), true },
};

static void wrong_headers(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *m = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(m != MAP_FAILED);
	EXPECT(mprotect(m + page, page, PROT_NONE), 0);
	setup();
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const struct sized *c = &calls[i];
		int fd = c->on_owner ? owner : control;
		struct erad_hdr *h = (void *)m;

		fprintf(stderr, "%s\n", c->name);
		EXPECT(call(c->on_owner ? control : owner, c->cmd, m), ENOTTY);
		for (uint32_t size = 0; size < c->size; size++) {
			memset(m, 0, page);
			h->size = size;
			EXPECT(call(fd, c->cmd, m), EINVAL);
		}
		memset(m, 0, page);
		h->size = page + 1;
		EXPECT(call(fd, c->cmd, m), E2BIG);
		h->size = UINT32_MAX;
		EXPECT(call(fd, c->cmd, m), E2BIG);
		for (int bit = 0; bit < 32; bit++) {
			memset(m, 0, page);
			h->size = c->size;
			h->flags = 1u << bit;
			EXPECT(call(fd, c->cmd, m), EINVAL);
		}
		/* fields that only a newer caller knows */
		memset(m, 0, page);
		h->size = c->size + 8;
		m[c->size + 7] = 1;
		EXPECT(call(fd, c->cmd, m), E2BIG);
		/* memory that is not there, in full or in part */
		EXPECT(call(fd, c->cmd, NULL), EFAULT);
		EXPECT(call(fd, c->cmd, m + page), EFAULT);
		h = (void *)(m + page - 8);
		h->size = c->size;
		h->flags = 0;
		EXPECT(call(fd, c->cmd, h), EFAULT);
		EXPECT(call(fd, c->cmd, (void *)-4096ul), EFAULT);
	}
	EXPECT(call(control, _IOWR(ERAD_IOC_MAGIC, 0xff, struct erad_hdr), m), ENOTTY);
	EXPECT(call(owner, _IOWR(ERAD_IOC_MAGIC, 0xff, struct erad_hdr), m), ENOTTY);
	EXPECT(call(control, _IOWR('x', 0, struct erad_version), m), ENOTTY);
	EXPECT(info().state, ERAD_ACTIVE);
	munmap(m, 2 * page);
}

static void wrong_fields(void)
{
	struct erad_attach at = { .instance_id = id, .pad = 1 };
	struct erad_newera ne = { .from = 1, .to = 2, .pad = 1 };
	struct erad_prepare pr = { .to = 2, .pad = 1 };
	struct erad_ready re = { .era = 1, .pad = 1 };
	struct erad_list li = { .cap = 4, .entry_size = sizeof(struct erad_info), .buf = 8 };
	struct erad_xfer x;

	setup();
	HDR(at);
	EXPECT(call(control, ERAD_IOC_ATTACH, &at), EINVAL);
	HDR(ne);
	EXPECT(call(owner, ERAD_IOC_NEW_ERA, &ne), EINVAL);
	EXPECT(new_era(1, 0, 0), EINVAL);
	HDR(pr);
	EXPECT(call(owner, ERAD_IOC_PREPARE_ERA, &pr), EINVAL);
	EXPECT(prepare(0), EINVAL);
	EXPECT(prepare(1), 0);
	EXPECT(new_era(2, 1, 0), 0);		/* is the era already */
	HDR(re);
	EXPECT(call(owner, ERAD_IOC_READY, &re), EINVAL);
	HDR(li);
	EXPECT(call(control, ERAD_IOC_LIST, &li), EFAULT);
	li.cap = UINT32_MAX;
	EXPECT(call(control, ERAD_IOC_LIST, &li), EFAULT);
	li.entry_size = 4;
	EXPECT(call(control, ERAD_IOC_LIST, &li), EINVAL);
	li.entry_size = 64;
	li.pad = 1;
	EXPECT(call(control, ERAD_IOC_LIST, &li), EINVAL);
	EXPECT(xfer(0, 0, ERAD_MAX_RANGES + 1, &x), EINVAL);
	EXPECT(xfer(0, 0, UINT32_MAX, &x), EINVAL);
	EXPECT(xfer(0, EIO, 0, &x), EINVAL);
	EXPECT(xfer(1, 4096, 0, &x), EINVAL);
	EXPECT(xfer(UINT64_MAX, 0, 1, &x), ESTALE);
	EXPECT(xfer(0, 0, 0, &x), 0);
	EXPECT(x.batch, 0);
	EXPECT(info().state, ERAD_ACTIVE);
}

/* A directory, a page of which is for 2^24 blocks, as large as all memory: more than there is free, but not absurd. */
static void no_memory_for_the_writeset(void)
{
	unsigned long long sectors;
	struct sysinfo si;
	int r;

	EXPECT(sysinfo(&si), 0);
	sectors = (unsigned long long)(si.totalram * si.mem_unit / 4096 - 1024) << 27;
	if (sectors > (1ull << 46) - (1 << 24))	/* the module's limit, 2 GiB */
		sectors = (1ull << 46) - (1 << 24);

	EXPECT(run("dmsetup create huge --table '0 %llu zero'", sectors), 0);
	EXPECT(run("dmsetup create " NAME " --table '0 %llu erad - /dev/mapper/huge 8 2 uuid " UUID "'", sectors), 0);
	id = find_instance();
	EXPECT(attach(id, &owner), 0);
	r = prepare(1);
	CHECK(r == 0 || r == ENOMEM);
	EXPECT(close(owner), 0);
	EXPECT(run("dmsetup remove " NAME), 0);
	EXPECT(run("dmsetup remove huge"), 0);
}

static void bad_tables(void)
{
	static const char *const lines[] = {
		"", "-", "- %o", "- %o 0", "- %o 7", "- %o 12", "- %o -8", "- %o 8x", "- %o 4294967296",
		"- %o 128", "- %o 128 0", "- %o 128 1 uuid", "- %o 128 2 uuid nonsense",
		"- %o 128 2 uuid 00000000-0000-0000-0000-000000000000",
		"- %o 128 2 uuid " UUID " more", "- %o 128 2 uuid " UUID "x", "- %o 128 4 uuid " UUID, "- %o 128 -2 uuid " UUID,
		"- %o 128 4 uuid " UUID " detach_policy maybe",
		"- %o 128 4 uuid " UUID " detach_timeout 0",
		"- %o 128 4 uuid " UUID " detach_timeout 99999999999",
		"- %o 128 4 uuid " UUID " what ever", "/dev/nonexistent %o 128", "- /dev/nonexistent 128",
		"%o %o 128",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char line[512];
		char *at;

		snprintf(line, sizeof(line), "%s", lines[i]);
		while ((at = strstr(line, "%o"))) {
			char rest[512];

			strcpy(rest, at + 2);
			snprintf(at, sizeof(line) - (at - line), "%s%s", origin, rest);
		}
		if (!run("dmsetup create " NAME " --table '0 %d erad %s' 2>/dev/null", SECTORS, line))
			FAIL("accepted: %s", line);
	}
}

static const struct {
	const char *name;
	void (*fn)(void);
} cases[] = {
#define CASE(fn)	{ #fn, fn }
	CASE(held_until_commit), CASE(many_blocks), CASE(discard_many_blocks),
	CASE(write_zeroes_many_blocks), CASE(full_buffer), CASE(stale_batch),
	CASE(rollover_gates_again), CASE(rollover_drains), CASE(failed_commit), CASE(abort_frees),
	CASE(remove_after_abort), CASE(reattach), CASE(detach_policy_fail),
	CASE(detach_timeout_suspended), CASE(poll_wakes_after_commit), CASE(bad_buffer), CASE(gone), CASE(noflush_suspend), CASE(noflush_reload_detached), CASE(flush_suspend),
	CASE(flush_suspend_abort), CASE(last_partial_block), CASE(unload_refused),
	CASE(metadata_is_not_shared), CASE(wrong_headers), CASE(wrong_fields), CASE(bad_tables), CASE(no_memory_for_the_writeset),
};

/* One case, by name, on an origin and the same origin made slow; without arguments, their names. */
int main(int argc, char **argv)
{
	size_t nr = sizeof(cases) / sizeof(cases[0]);

	if (argc != 4) {
		for (size_t i = 0; i < nr; i++)
			puts(cases[i].name);
		return argc == 1 ? 0 : 2;
	}
	origin = argv[2];
	slow = argv[3];
	control = open("/dev/erad-control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		FAIL("/dev/erad-control: %s", strerror(errno));
	for (size_t i = 0; i < nr; i++) {
		if (strcmp(cases[i].name, argv[1]))
			continue;
		cases[i].fn();
		return 0;
	}
	FAIL("no case %s", argv[1]);
	return 2;
}
