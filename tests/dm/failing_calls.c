// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes the Nth allocation, or copy from or to user memory, of every call to the module fail, for each N until the call
 * needs no more of them; after each failure the call must work, as if the failed one had never been made.
 *
 * By /proc/self/fail-nth, which counts what the calling thread does in the kernel and nothing else.
 */

#include <linux/fs.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "dm_raw.h"

#define NAME		"failing"
#define UUID		"7b1ce1a4-61b2-4a4c-9c7a-0c8c55a0e002"
#define BLOCK		65536
#define SECTORS		131072		/* 64 MiB */
#define MAX_FAULTS	5000		/* a call that needs more has no end */

static const char *origin;
static const char *only;		/* make just those calls fail whose name has this in it, or NULL */
static int fail_nth;
static int dm;
static int control;
static int owner = -1;
static char path[32];			/* of the device */
static struct erad_range ranges[8];
static uint64_t batch;

/* ---- the module's calls, 0 or a positive errno ---- */

static int version(void)
{
	struct erad_version a = { 0 };
	int r;

	HDR(a);
	r = call(control, ERAD_IOC_VERSION, &a);
	if (!r)
		EXPECT(a.abi, ERAD_ABI);
	return r;
}

static uint32_t nr_instances;
static uint64_t newest;

static int list(void)
{
	struct erad_info infos[8];
	struct erad_list a = { .buf = (uintptr_t)infos, .entry_size = sizeof(infos[0]), .cap = 8 };
	int r;

	HDR(a);
	r = call(control, ERAD_IOC_LIST, &a);
	if (!r) {
		nr_instances = a.nr;
		for (uint32_t i = 0; i < a.nr && i < 8; i++)
			newest = infos[i].instance_id;
	}
	return r;
}

static int attach(void)
{
	struct erad_attach a = { .instance_id = newest };
	int r;

	HDR(a);
	r = call(control, ERAD_IOC_ATTACH, &a);
	if (!r)
		owner = a.fd;
	return r;
}

static int detach(void)
{
	int r = close(owner) ? errno : 0;

	owner = -1;
	return r;
}

static int abort_it(void)
{
	struct erad_abort a = { .instance_id = newest };

	HDR(a);
	return call(control, ERAD_IOC_ABORT, &a);
}

static struct erad_info last_info;

static int info(void)
{
	struct erad_info a = { 0 };
	int r;

	HDR(a);
	r = call(owner, ERAD_IOC_INFO, &a);
	if (!r)
		last_info = a;
	return r;
}

static int prepare(void)
{
	struct erad_prepare a = { .to = last_info.era + 1 };

	HDR(a);
	return call(owner, ERAD_IOC_PREPARE_ERA, &a);
}

static int new_era(void)
{
	struct erad_newera a = { .from = last_info.era, .to = last_info.era + 1, .drain_ms = 10000 };

	HDR(a);
	return call(owner, ERAD_IOC_NEW_ERA, &a);
}

static int ready(void)
{
	struct erad_ready a = { .era = last_info.era };

	HDR(a);
	return call(owner, ERAD_IOC_READY, &a);
}

static int usage(void)
{
	struct erad_usage a = { .used = 1, .total = 2 };

	HDR(a);
	return call(owner, ERAD_IOC_USAGE, &a);
}

static int stats(void)
{
	struct erad_stats a = { 0 };

	HDR(a);
	return call(owner, ERAD_IOC_STATS, &a);
}

static int xfer(uint64_t commit, uint32_t max, struct erad_xfer *x)
{
	*x = (struct erad_xfer) { .commit_batch = commit, .max = max, .buf = (uintptr_t)ranges };
	HDR(*x);
	return call(owner, ERAD_IOC_COMMIT_FETCH, x);
}

static int fetch(void)
{
	struct erad_xfer x;
	int r = xfer(0, 8, &x);

	batch = r ? 0 : x.batch;
	return r;
}

static int commit(void)
{
	struct erad_xfer x;

	return xfer(batch, 0, &x);
}

static int poll_owner(void)
{
	struct pollfd p[2] = { { .fd = owner, .events = POLLIN }, { .fd = control, .events = POLLIN } };

	return poll(p, 2, 0) < 0 ? errno : 0;
}

static int epoll_owner(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = epoll_create1(EPOLL_CLOEXEC), r;

	if (fd < 0)
		return errno;
	r = epoll_ctl(fd, EPOLL_CTL_ADD, owner, &event) || epoll_ctl(fd, EPOLL_CTL_ADD, control, &event) ? errno : 0;
	close(fd);
	return r;
}

static int open_control(void)
{
	int fd = open("/dev/" ERAD_CONTROL_NAME, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* ---- device-mapper's ---- */

static int load(void)
{
	char params[256];

	snprintf(params, sizeof(params), "- %s %d 6 uuid " UUID " detach_policy fail detach_timeout 3600",
		 origin, BLOCK / 512);
	return dm_raw_load(dm, NAME, SECTORS, params);
}

static int load_bad(void)
{
	char params[256];

	snprintf(params, sizeof(params), "- %s %d 2 uuid nonsense", origin, BLOCK / 512);
	return dm_raw_load(dm, NAME, SECTORS, params) == EINVAL ? 0 : EIO;
}

static int clear(void)
{
	return dm_raw(dm, DM_TABLE_CLEAR, NAME, 0);
}

static int resume(void)
{
	return dm_raw_resume(dm, NAME);
}

static int suspend_noflush(void)
{
	return dm_raw_suspend(dm, NAME, DM_NOFLUSH_FLAG | DM_SKIP_LOCKFS_FLAG);
}

static int suspend_flush(void)
{
	return dm_raw_suspend(dm, NAME, 0);
}

static int status(void)
{
	return dm_raw(dm, DM_TABLE_STATUS, NAME, 0);
}

static int status_table(void)
{
	return dm_raw(dm, DM_TABLE_STATUS, NAME, DM_STATUS_TABLE_FLAG);
}

static int deps(void)
{
	return dm_raw(dm, DM_TABLE_DEPS, NAME, 0);
}

/* No message is known yet. */
static int message(void)
{
	int r = dm_raw_message(dm, NAME, "checkpoint");

	return r == EINVAL ? 0 : r;
}

static int remove_device(void)
{
	return dm_raw(dm, DM_DEV_REMOVE, NAME, 0);
}

/* ---- writes ---- */

static int device = -1;
static _Alignas(4096) char buf[4096];

static int write_block(uint64_t block)
{
	ssize_t r = pwrite(device, buf, sizeof(buf), block * BLOCK);

	return r < 0 ? errno : r == sizeof(buf) ? 0 : EIO;
}

static int write_recorded(void)
{
	return write_block(0);
}

static int discard_recorded(void)
{
	uint64_t range[2] = { 0, BLOCK };

	return ioctl(device, BLKDISCARD, range) ? errno : 0;
}

static int zero_recorded(void)
{
	uint64_t range[2] = { 0, BLOCK };

	return ioctl(device, BLKZEROOUT, range) ? errno : 0;
}

static int read_any(void)
{
	ssize_t r = pread(device, buf, sizeof(buf), 3 * BLOCK);

	return r < 0 ? errno : r == sizeof(buf) ? 0 : EIO;
}

/* A writer to a block that nothing has recorded, in a thread whose allocations do not fail. */
static uint64_t writer_block;
static pthread_t writer;
static int writer_result;

static void *writer_main(void *arg)
{
	writer_result = write_block(writer_block);
	return arg;
}

static void wait_held(void)
{
	struct pollfd p = { .fd = owner, .events = POLLIN };

	EXPECT(poll(&p, 1, 60000), 1);
}

static void start_writer(void)
{
	writer_block = (writer_block + 1) % (SECTORS / (BLOCK / 512));
	EXPECT(pthread_create(&writer, NULL, writer_main, NULL), 0);
	wait_held();
}

static void finish_writer(int want)
{
	EXPECT(pthread_join(writer, NULL), 0);
	EXPECT(writer_result, want);
}

/* ---- failing ---- */

static void set_nth(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	/* With n == 0 it may fail by what it ends: no matter. */
	if (pwrite(fail_nth, text, len, 0) != len && n)
		FAIL("fail-nth: %s", strerror(errno));
}

/* Whether the fault has happened.  The read is a copy, too, and takes the last one if none was. */
static bool has_failed(void)
{
	char text[16] = "";
	ssize_t r = pread(fail_nth, text, sizeof(text) - 1, 0);

	return r > 0 && atoi(text) == 0;
}

static int lowest_fd(void)
{
	int fd = dup(0);

	CHECK(fd >= 0);
	close(fd);
	return fd;
}

static unsigned long total_faults, total_errors;

/*
 * Calls fn with each of its allocations failing in turn.  before comes before every call of it; undo after one that
 * worked, even with a fault; again, which is fn if NULL, is what must work after one that failed, and undo follows.
 */
static void sweep(const char *name, int (*fn)(void), void (*before)(void), int (*again)(void), void (*undo)(void))
{
	unsigned int errors = 0, n;

	/* The others do what they have to for those that come after them. */
	if (only && !strstr(name, only)) {
		if (before)
			before();
		EXPECT(fn(), 0);
		if (undo)
			undo();
		return;
	}
	for (n = 1;; n++) {
		bool failed;
		int r, fds;

		if (n > MAX_FAULTS)
			FAIL("%s: still failing after %u faults", name, MAX_FAULTS);
		if (before)
			before();
		fds = lowest_fd();
		set_nth(n);
		r = fn();
		failed = has_failed();
		set_nth(0);
		if (r) {
			if (!failed)
				FAIL("%s: error %d without a fault, after %u of them", name, r, n - 1);
			errors++;
			EXPECT(lowest_fd(), fds);
			r = (again ? again : fn)();
			if (r)
				FAIL("%s: error %d after fault %u", name, r, n);
		}
		if (undo)
			undo();
		if (!failed)
			break;
	}
	printf("%-22s %4u faults, %4u errors\n", name, n - 1, errors);
	total_faults += n - 1;
	total_errors += errors;
}

/* ---- the order of the calls ---- */

static void must_detach(void)
{
	EXPECT(detach(), 0);
}

static void must_clear(void)
{
	EXPECT(list(), 0);
	EXPECT(nr_instances, 1);
	EXPECT(clear(), 0);
}

/* Nothing of a table that could not be loaded is there. */
static void no_instance(void)
{
	int fd;

	EXPECT(list(), 0);
	EXPECT(nr_instances, 0);
	fd = open(origin, O_RDWR | O_EXCL | O_CLOEXEC);
	CHECK(fd >= 0);
	close(fd);
}

static int no_instance_then_load(void)
{
	no_instance();
	return load();
}

static void begin(void)
{
	EXPECT(info(), 0);
	EXPECT(prepare(), 0);
	EXPECT(new_era(), 0);
	EXPECT(info(), 0);
	EXPECT(ready(), 0);
}

/* As after a resume: owned, active. */
static void own(void)
{
	EXPECT(list(), 0);
	EXPECT(attach(), 0);
	begin();
}

static void must_load(void)
{
	EXPECT(load(), 0);
}

static void must_resume(void)
{
	EXPECT(resume(), 0);
}

/* A table that could not be resumed may be gone. */
static int load_and_resume(void)
{
	load();
	return resume();
}

static void must_suspend(void)
{
	EXPECT(suspend_noflush(), 0);
}

static void learn_info(void)
{
	EXPECT(info(), 0);
}

/* Uses up what is prepared. */
static void must_begin_era(void)
{
	EXPECT(new_era(), 0);
}

static void prepare_next(void)
{
	EXPECT(info(), 0);
	EXPECT(prepare(), 0);
}

static void era_is_next(void)
{
	uint32_t era = last_info.era;

	EXPECT(info(), 0);
	EXPECT(last_info.era, era + 1);
}

static void reattach(void)
{
	EXPECT(detach(), 0);
	EXPECT(attach(), 0);
	EXPECT(info(), 0);
}

static void must_be_active(void)
{
	EXPECT(info(), 0);
	EXPECT(last_info.state, ERAD_ACTIVE);
}

/* What was held for the writer of this turn is what is fetched. */
static void fetched_and_done(void)
{
	EXPECT(ranges[0].first, writer_block);
	EXPECT(commit(), 0);
	finish_writer(0);
}

static void writer_and_fetch(void)
{
	start_writer();
	EXPECT(fetch(), 0);
	CHECK(batch);
}

/* Only the answer can have failed: the writer is through, or will be with another go. */
static int commit_again(void)
{
	int r = commit();

	return r == ESTALE ? 0 : r;
}

/*
 * The bit may be missing, if there was no page for it; then the block is asked for again.  So the writer's end says that
 * the commit did its work, and a second writer, that no write is let through without either.
 */
static void committed(void)
{
	struct pollfd p = { .fd = owner, .events = POLLIN };

	finish_writer(0);
	EXPECT(pthread_create(&writer, NULL, writer_main, NULL), 0);
	while (pthread_tryjoin_np(writer, NULL)) {
		if (poll(&p, 1, 20) != 1)
			continue;
		if (fetch() || !batch)
			continue;
		EXPECT(ranges[0].first, writer_block);
		EXPECT(commit(), 0);
	}
	EXPECT(writer_result, 0);
	/* An empty writeset, without a page, for the next turn. */
	EXPECT(info(), 0);
	EXPECT(prepare(), 0);
	EXPECT(new_era(), 0);
}

static void start_writer_and_serve(void)
{
	/* The block that the write_recorded() and its like write: recorded in this era. */
	EXPECT(pthread_create(&writer, NULL, writer_main, NULL), 0);
	wait_held();
	EXPECT(fetch(), 0);
	EXPECT(commit(), 0);
	finish_writer(0);
}

static void aborted(void)
{
	finish_writer(EIO);
	EXPECT(detach(), 0);
	EXPECT(attach(), 0);
	EXPECT(info(), 0);
	EXPECT(ready(), 0);
}

static void pushed_back(void)
{
	EXPECT(resume(), 0);
	wait_held();
	EXPECT(fetch(), 0);
	fetched_and_done();
}

static int detach_after_all(void)
{
	return 0;
}

static void attached_again(void)
{
	EXPECT(attach(), 0);
	EXPECT(info(), 0);
}

static void create_removed(void)
{
	EXPECT(dm_raw_create(dm, NAME, path), 0);
	EXPECT(load(), 0);
	EXPECT(resume(), 0);
}

static void sweep_all(void)
{
	sweep("open", open_control, NULL, NULL, NULL);
	sweep("VERSION", version, NULL, NULL, NULL);

	EXPECT(dm_raw_create(dm, NAME, path), 0);
	sweep("load a bad table", load_bad, no_instance, NULL, no_instance);
	sweep("load", load, NULL, no_instance_then_load, must_clear);
	sweep("clear", clear, must_load, NULL, no_instance);
	sweep("resume of a new table", resume, must_load, load_and_resume, NULL);
	must_resume();

	sweep("LIST", list, NULL, NULL, NULL);
	sweep("ATTACH", attach, NULL, NULL, must_detach);
	EXPECT(attach(), 0);
	sweep("close", detach, NULL, detach_after_all, attached_again);
	sweep("INFO", info, NULL, NULL, NULL);
	sweep("PREPARE_ERA", prepare, learn_info, NULL, must_begin_era);
	sweep("NEW_ERA", new_era, prepare_next, NULL, era_is_next);
	sweep("READY", ready, reattach, NULL, must_be_active);
	sweep("USAGE", usage, NULL, NULL, NULL);
	sweep("STATS", stats, NULL, NULL, NULL);
	sweep("poll", poll_owner, NULL, NULL, NULL);
	sweep("epoll", epoll_owner, NULL, NULL, NULL);

	device = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	CHECK(device >= 0);
	sweep("fetch", fetch, start_writer, NULL, fetched_and_done);
	sweep("commit", commit, writer_and_fetch, commit_again, committed);
	sweep("ABORT", abort_it, start_writer, NULL, aborted);
	writer_block = 0;
	start_writer_and_serve();
	sweep("write", write_recorded, NULL, NULL, NULL);
	sweep("discard", discard_recorded, NULL, NULL, NULL);
	sweep("write zeroes", zero_recorded, NULL, NULL, NULL);
	sweep("read", read_any, NULL, NULL, NULL);

	sweep("status", status, NULL, NULL, NULL);
	sweep("status of the table", status_table, NULL, NULL, NULL);
	sweep("dependencies", deps, NULL, NULL, NULL);
	sweep("message", message, NULL, NULL, NULL);
	sweep("flush suspend", suspend_flush, NULL, NULL, must_resume);
	sweep("noflush suspend", suspend_noflush, start_writer, NULL, pushed_back);
	sweep("resume", resume, must_suspend, NULL, NULL);
	close(device);

	EXPECT(detach(), 0);
	sweep("remove", remove_device, NULL, NULL, create_removed);
	EXPECT(list(), 0);
	own();
	EXPECT(detach(), 0);
	EXPECT(remove_device(), 0);
	no_instance();
}

/* ---- the module itself ---- */

static const char *module;

static int insert(void)
{
	int fd = open(module, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return errno;
	r = syscall(SYS_finit_module, fd, "", 0) ? errno : 0;
	close(fd);
	return r;
}

static void take_out(void)
{
	EXPECT(syscall(SYS_delete_module, "dm_erad", 0), 0);
}

/* failing_calls ORIGIN [CALL]: a disk of 64 MiB.  failing_calls --module FILE: of the module, which must not be loaded. */
int main(int argc, char **argv)
{
	if (argc < 2)
		FAIL("usage: failing_calls ORIGIN [CALL] | --module FILE");
	fail_nth = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	CHECK(fail_nth >= 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 3 && !strcmp(argv[1], "--module")) {
		module = argv[2];
		sweep("insmod", insert, NULL, NULL, take_out);
	} else {
		origin = argv[1];
		only = argv[2];
		dm = dm_raw_open();
		control = open("/dev/" ERAD_CONTROL_NAME, O_RDWR | O_CLOEXEC);
		CHECK(dm >= 0 && control >= 0);
		sweep_all();
	}
	printf("%lu faults, %lu errors\n", total_faults, total_errors);
	CHECK(total_errors);
	return 0;
}
