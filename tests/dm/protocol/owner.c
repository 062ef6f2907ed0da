// SPDX-License-Identifier: GPL-2.0-or-later
/* Implements an owner of an instance, and writers, for the cases: see protocol.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "protocol.h"

int control;
int owner = -1;
uint64_t id;
const char *origin, *slow;
struct erad_range ranges[ERAD_MAX_RANGES];

int run(const char *fmt, ...)
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

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

int attach(uint64_t which, int *fd)
{
	struct erad_attach a = { .instance_id = which };
	int r;

	HDR(a);
	r = call(control, ERAD_IOC_ATTACH, &a);
	*fd = r ? -1 : a.fd;
	return r;
}

int prepare(uint32_t to)
{
	struct erad_prepare a = { .to = to };

	HDR(a);
	return call(owner, ERAD_IOC_PREPARE_ERA, &a);
}

int new_era(uint32_t from, uint32_t to, uint32_t drain_ms)
{
	struct erad_newera a = { .from = from, .to = to, .drain_ms = drain_ms };

	HDR(a);
	return call(owner, ERAD_IOC_NEW_ERA, &a);
}

int ready(uint32_t era)
{
	struct erad_ready a = { .era = era };

	HDR(a);
	return call(owner, ERAD_IOC_READY, &a);
}

struct erad_info info(void)
{
	struct erad_info i = { 0 };

	HDR(i);
	EXPECT(call(owner, ERAD_IOC_INFO, &i), 0);
	return i;
}

struct erad_stats stats(void)
{
	struct erad_stats s = { 0 };

	HDR(s);
	EXPECT(call(owner, ERAD_IOC_STATS, &s), 0);
	return s;
}

int xfer(uint64_t commit, uint32_t status, uint32_t max, struct erad_xfer *x)
{
	*x = (struct erad_xfer) {
		.commit_batch = commit, .commit_status = status,
		.max = max, .buf = (uintptr_t)ranges,
	};
	HDR(*x);
	return call(owner, ERAD_IOC_COMMIT_FETCH, x);
}

int owner_poll(int ms)
{
	struct pollfd p = { .fd = owner, .events = POLLIN | POLLPRI };

	return poll(&p, 1, ms) > 0 ? p.revents : 0;
}

void wait_in(void)
{
	uint64_t end = now_ms() + 10000;

	while (!(owner_poll(100) & POLLIN))
		if (now_ms() > end)
			FAIL("no held write showed up");
}

/* Fetches the next batch, which must exist. */
struct erad_xfer fetch(void)
{
	struct erad_xfer x;

	wait_in();
	EXPECT(xfer(0, 0, ERAD_MAX_RANGES, &x), 0);
	CHECK(x.batch);
	return x;
}

void commit(uint64_t batch)
{
	struct erad_xfer x;

	EXPECT(xfer(batch, 0, 0, &x), 0);
}

int do_abort(uint64_t which)
{
	struct erad_abort a = { .instance_id = which };

	HDR(a);
	return call(control, ERAD_IOC_ABORT, &a);
}

uint64_t find_instance(void)
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

void create(const char *on, const char *options)
{
	EXPECT(run("dmsetup create " NAME " --table '0 %d erad - %s %d %s'",
		   SECTORS, on, BLOCK / 512, options), 0);
	id = find_instance();
}

void begin(uint32_t era)
{
	EXPECT(attach(id, &owner), 0);
	EXPECT(prepare(era), 0);
	EXPECT(new_era(0, era, 1000), 0);
	EXPECT(ready(era), 0);
}

void setup(void)
{
	create(origin, "2 uuid " UUID);
	begin(1);
}

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

void start(struct writer *w)
{
	w->done = false;
	EXPECT(pthread_create(&w->thread, NULL, writer_main, w), 0);
}

int finish(struct writer *w)
{
	EXPECT(pthread_join(w->thread, NULL), 0);
	return w->result;
}

int do_io(int op, uint64_t off, uint64_t len)
{
	struct writer w = { .off = off, .len = len, .op = op };

	start(&w);
	return finish(&w);
}

bool still_held(struct writer *w)
{
	usleep(200000);
	return !w->done;
}

/* Waits until the command succeeds. */
static void await(const char *command)
{
	uint64_t end = now_ms() + 60000;

	while (run("%s", command)) {
		if (now_ms() > end)
			FAIL("not within 60 s: %s", command);
		usleep(20000);
	}
}

void await_held(int nr)
{
	char command[128];

	snprintf(command, sizeof(command), "dmsetup status " NAME " | awk '{ exit $9 != %d }'", nr);
	await(command);
}

void await_delayed(const char *device)
{
	char command[128];

	snprintf(command, sizeof(command), "dmsetup status %s | awk '{ exit $5 == 0 }'", device);
	await(command);
}

void slow_takes(int ms)
{
	/* the delays of writes and of flushes */
	EXPECT(run("dmsetup table %s | awk '{ $9 = $12 = %d; print }' | dmsetup load %s && "
		   "dmsetup suspend --nolockfs %s && dmsetup resume %s",
		   slow, ms, slow, slow, slow), 0);
}

void new_era_waits(uint32_t from, uint32_t to)
{
	const uint64_t began = now_ms();
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		usleep(500000);
		slow_takes(300);
		_exit(0);
	}
	EXPECT(new_era(from, to, 10000), 0);
	CHECK(now_ms() - began >= 500);
	EXPECT(waitpid(pid, &status, 0), pid);
	EXPECT(status, 0);
}
