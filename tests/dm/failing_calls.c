// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes calls to the module fail inside the kernel.  Repeats each call with N = 1, 2, 3 …, and lets
 * the Nth allocation of the call fail, or the Nth copy from or to user memory.  Ends when the call
 * makes fewer than N allocations and copies.  After each failure, the call must work as if the
 * failed call had never been made.  Uses /proc/self/fail-nth, which counts only allocations and
 * copies of the calling thread.
 */

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "dm_raw.h"
#include "failing_calls/calls.h"

/* upper limit of N; the test fails if a call makes more allocations and copies */
#define MAX_FAULTS	5000

static const char *only;		/* part of the names of the calls to test; NULL: all calls */
static int fail_nth;
static char path[32];			/* path of the device's node */

/* ---- faults ---- */

static void set_nth(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	/*
	 * Sets fail-nth.  With n == 0, ignores the result, because the write to the file may itself
	 * be the fault.
	 */
	if (pwrite(fail_nth, text, len, 0) != len && n)
		FAIL("fail-nth: %s", strerror(errno));
}

/*
 * Returns whether the fault has happened.  Reading fail-nth copies to user memory, so this read
 * itself can be the Nth copy, and fail.  If so, fn has made fewer than N allocations and copies,
 * and no fault has happened in fn.
 */
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
 * Calls fn again and again, and lets each of its allocations and copies fail in turn.  `before`
 * runs before each call of fn.  After a call that has failed, `again` must work; if `again` is
 * NULL, fn must work.  `undo` runs after each call that has worked.
 */
static void sweep(const char *name, int (*fn)(void), void (*before)(void), int (*again)(void), void (*undo)(void))
{
	unsigned int errors = 0, n;

	/*
	 * Without faults, make the calls that are not to be tested, because later calls depend on
	 * them.
	 */
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

static void reply_and_finish(void)
{
	EXPECT(message_reply(), 0);
	finish_sender();
}

static void sender_and_get(void)
{
	start_sender();
	EXPECT(message_get(), 0);
}

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

static bool has_metadata(void)
{
	return strcmp(metadata, "-");
}

static void nobody_uses(const char *disk)
{
	int fd = open(disk, O_RDWR | O_EXCL | O_CLOEXEC);

	CHECK(fd >= 0);
	close(fd);
}

/* If a table could not be loaded, there must be no instance. */
static void no_instance(void)
{
	EXPECT(list(), 0);
	EXPECT(nr_instances, 0);
	nobody_uses(origin);
	if (has_metadata())
		nobody_uses(metadata);
}

static int load_result;

static int note_load(void)
{
	load_result = load();
	return load_result;
}

/*
 * Repeats a load that has failed. After EFAULT, the table may exist, because only the answer was
 * lost. After any other error, there must be no instance.
 */
static int no_instance_then_load(void)
{
	if (load_result != EFAULT)
		no_instance();
	return load();
}

/*
 * Repeats a removal that has failed. The device may be gone already, because only the answer was
 * lost.
 */
static int remove_again(void)
{
	int r = remove_device();

	return r == ENXIO ? 0 : r;
}

static void begin(void)
{
	EXPECT(info(), 0);
	EXPECT(prepare(), 0);
	EXPECT(new_era(), 0);
	EXPECT(info(), 0);
	EXPECT(ready(), 0);
}

/* Makes the state after a resume: there is an owner, and the target is active. */
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

/* Repeats a resume that has failed. The loaded table may be gone, so load it again. */
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

/* Begins the prepared era, so that the next call must prepare one. */
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

/* Checks that the fetched batch contains the write of this turn's writer, and commits the batch. */
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

/*
 * Repeats a commit that has failed. ESTALE means that the failed call has committed the batch, and
 * that only its answer was lost.
 */
static int commit_again(void)
{
	int r = commit();

	return r == ESTALE ? 0 : r;
}

/*
 * Checks the commit with two writers.  If no writeset page could be allocated, the block's bit
 * stays clear and its next write is held again, so the bit proves nothing.  Instead, the first
 * writer's write must end, and the second writer's write must not end without a commit.
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
	/* Make an empty writeset, without a page, for the next turn of the test. */
	EXPECT(info(), 0);
	EXPECT(prepare(), 0);
	EXPECT(new_era(), 0);
}

static void start_writer_and_serve(void)
{
	/* Records the block that write_recorded() and similar functions write, in this era. */
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

/* Checks that all writes pass until an owner has begun an era. */
static void degraded(void)
{
	finish_writer(0);
	EXPECT(detach(), 0);
	EXPECT(attach(), 0);
	EXPECT(info(), 0);
	CHECK(last_info.status & ERAD_PASSES_ALL);
	begin();
	CHECK(!(last_info.status & ERAD_PASSES_ALL));
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
	/*
	 * Load a first table, which also initializes other parts of the kernel for this disk.
	 * Faults in these parts are not tested here.
	 */
	EXPECT(load(), 0);
	must_clear();
	sweep("load a bad table", load_bad, no_instance, NULL, no_instance);
	sweep("load", note_load, NULL, no_instance_then_load, must_clear);
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
	if (has_metadata())
		sweep("DEGRADE", degrade, start_writer, NULL, degraded);
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
	sweep("MESSAGE_GET", message_get, start_sender, NULL, reply_and_finish);
	sweep("MESSAGE_REPLY", message_reply, sender_and_get, NULL, finish_sender);
	sweep("flush suspend", suspend_flush, NULL, NULL, must_resume);
	sweep("noflush suspend", suspend_noflush, start_writer, NULL, pushed_back);
	sweep("resume", resume, must_suspend, NULL, NULL);
	close(device);

	EXPECT(detach(), 0);
	sweep("remove", remove_device, NULL, remove_again, create_removed);
	EXPECT(list(), 0);
	own();
	EXPECT(detach(), 0);
	EXPECT(remove_device(), 0);
	no_instance();
}

/* ---- loading the module ---- */

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

/*
 * failing_calls ORIGIN [METADATA [CALL]]: ORIGIN is a disk of 64 MiB, METADATA a disk or "-".
 * failing_calls --module FILE: tests loading the module, which must not be loaded yet.
 */
int main(int argc, char **argv)
{
	if (argc < 2)
		FAIL("usage: failing_calls ORIGIN [METADATA [CALL]] | --module FILE");
	fail_nth = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	CHECK(fail_nth >= 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 3 && !strcmp(argv[1], "--module")) {
		module = argv[2];
		sweep("insmod", insert, NULL, NULL, take_out);
	} else {
		origin = argv[1];
		if (argc > 2)
			metadata = argv[2];
		only = argc > 3 ? argv[3] : NULL;
		dm = dm_raw_open();
		control = open("/dev/" ERAD_CONTROL_NAME, O_RDWR | O_CLOEXEC);
		CHECK(dm >= 0 && control >= 0);
		sweep_all();
	}
	printf("%lu faults, %lu errors\n", total_faults, total_errors);
	CHECK(total_errors);
	return 0;
}
