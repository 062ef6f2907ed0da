// SPDX-License-Identifier: GPL-2.0-or-later
/* Origins are read in other processes: a hung origin delays no other one, and its late answer is used. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/dm_tables.h"
#include "common/seen.h"
#include "common/sysfs.h"
#include "erad/device/origin_reader.h"

#define SIZE		(16u << 20)
#define HUNG		makedev(7, 1)
#define OTHER		makedev(7, 2)
#define SHORT_MS	300u
#define LONG_MS		20000u

/* Memory that the test shares with the reader and its children. */
static struct {
	atomic_bool hangs;		/* opening HUNG does not end */
	atomic_bool no_fork;		/* the reader cannot start a process */
	/* each process stops after it has written a part of an answer */
	atomic_bool stops;
	atomic_uint opened;		/* how often an origin was opened */
	atomic_uint flushed;		/* how often an origin was flushed */
	atomic_bool alone;		/* nobody waited for the last discard when it began */
	atomic_uint set_up;		/* how often libdevmapper was set up */
	atomic_bool swapped;		/* there is no inactive table any more */
	/* pids of the process that has opened an origin last, and of its parent */
	atomic_int pid, parent;
	char path[64];			/* path of a file with the content of all origins */
} *shared;

int __wrap_dm_node(dev_t dev, char path[NODE_PATH_SIZE]);
int __wrap_seal_open(const char *path, bool claim, struct err *err);

int __wrap_dm_node(dev_t dev, char path[NODE_PATH_SIZE])
{
	snprintf(path, NODE_PATH_SIZE, "/dev/%u", minor(dev));
	return 0;
}

int __wrap_seal_open(const char *path, bool claim, struct err *err)
{
	int fd;

	(void)claim;
	shared->opened++;
	shared->pid = getpid();
	shared->parent = getppid();
	while (!strcmp(path, "/dev/1") && shared->hangs)
		usleep(1000);
	fd = open(shared->path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_set(err, -errno, "%m") : fd;
}

int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
	(void)fd;
	shared->flushed++;
	return 0;
}

pid_t __real_fork(void);
pid_t __wrap_fork(void);

pid_t __wrap_fork(void)
{
	if (!shared->no_fork)
		return __real_fork();
	errno = EAGAIN;
	return -1;
}

int __wrap_store_examine(const char *path, struct store_found *out, struct err *err);
int __wrap_store_examine_held(const char *path, dev_t dev, struct err *err);
int __wrap_store_discard(dev_t dev, int pipe_fd, struct err *err);
int __wrap_dm_remove(const char *name, struct err *err);
void __wrap_dm_setup(void);

static void hang_if(bool hung)
{
	shared->opened++;
	shared->pid = getpid();
	while (hung && shared->hangs)
		usleep(1000);
}

int __wrap_store_examine(const char *path, struct store_found *out, struct err *err)
{
	hang_if(!strcmp(path, "/dev/hung"));
	*out = (struct store_found){ .dev = OTHER, .nr_sectors = 77 };
	return strcmp(path, "/dev/used") ? 0 : err_set(err, -EBUSY, "/dev/used is in use");
}

int __wrap_store_examine_held(const char *path, dev_t dev, struct err *err)
{
	hang_if(dev == HUNG);
	return err_set(err, -EEXIST, "%s has content", path);
}

int __wrap_store_discard(dev_t dev, int pipe_fd, struct err *err)
{
	struct pollfd p = { .fd = pipe_fd };

	hang_if(dev == HUNG);
	shared->alone = poll(&p, 1, 0) > 0 && p.revents & POLLERR;
	return dev == OTHER ? 0 : err_set(err, -EOPNOTSUPP, "it cannot discard");
}

int __wrap_dm_remove(const char *name, struct err *err)
{
	hang_if(!strcmp(name, "hung-image"));
	return strcmp(name, "gone-image") ? 0 : err_set(err, -ENXIO, "there is no device");
}

int __wrap_dm_tables_state(dev_t dev, bool *suspended, bool *loaded, struct err *err);
int __wrap_dm_tables_swap(const struct dm_device *d, uint64_t *us, struct err *err);
int __wrap_dm_tables_resume_old(dev_t dev, struct err *err);

/* Waits as a system call that a signal ends; if shared->hangs is set, then as one that no signal ends. */
static int wait_for_signal(dev_t dev)
{
	int r = nanosleep(&(struct timespec){ .tv_sec = dev == OTHER ? 60 : 0 }, NULL) ? -errno : 0;

	hang_if(dev == HUNG);
	return r;
}

int __wrap_dm_tables_state(dev_t dev, bool *suspended, bool *loaded, struct err *err)
{
	(void)dev;
	(void)err;
	*suspended = false;
	*loaded = !shared->swapped;
	return 0;
}

int __wrap_dm_tables_swap(const struct dm_device *d, uint64_t *us, struct err *err)
{
	const int r = wait_for_signal(d->dev);

	*us = 77;
	if (!strcmp(d->name, "killed")) {
		shared->swapped = true;
		raise(SIGKILL);
	}
	return r ? err_set(err, r, "the table of %s is not replaced", d->name) : 0;
}

int __wrap_dm_tables_resume_old(dev_t dev, struct err *err)
{
	return err_set(err, wait_for_signal(dev), "it is not resumed");
}

void __wrap_place_peek(const char *path, enum peek_depth depth, struct peek *out);
void __wrap_fs_sync(dev_t dev);
int __wrap_fs_swap_frozen(dev_t dev, struct err *err);

void __wrap_place_peek(const char *path, enum peek_depth depth, struct peek *out)
{
	hang_if(!strcmp(path, "/dev/hung"));
	*out = (struct peek){ .exists = true, .dev = depth };
}

void __wrap_fs_sync(dev_t dev)
{
	hang_if(dev == HUNG);
}

int __wrap_fs_swap_frozen(dev_t dev, struct err *err)
{
	hang_if(dev == HUNG);
	return err_set(err, -EBUSY, "it is frozen already");
}

int __wrap_fs_swap_together(const struct fs_together *t, struct err *err);

int __wrap_fs_swap_together(const struct fs_together *t, struct err *err)
{
	hang_if(t->dev[0] == HUNG);
	return err_set(err, -EBUSY, "volume %s is frozen already", t->note);
}

int __wrap_seen_read(const char *dir, const uint8_t uuid[16], struct token *t);

int __wrap_seen_read(const char *dir, const uint8_t uuid[16], struct token *t)
{
	hang_if(true);
	assert_string_equal(dir, ERAD_SEEN_DIR);
	memcpy(t->uuid, uuid, sizeof(t->uuid));
	return 0;
}

void __wrap_dm_setup(void)
{
	shared->set_up++;
}

ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);

/* While shared->stops is set, writes a refusal or half of an answer, and then waits. */
ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
	const bool whole = len == sizeof(struct origin_answer), code = len == sizeof(int);
	ssize_t n;

	if (!shared->stops || (!whole && !code))
		return __real_write(fd, bytes, len);
	n = __real_write(fd, bytes, code ? len : len / 2);
	while (shared->stops)
		usleep(1000);
	return n;
}

static struct origin_question about(dev_t dev, enum origin_read what)
{
	struct origin_question q;

	memset(&q, 0, sizeof(q));
	q.what = what;
	q.dev = dev;
	q.size = SIZE;
	return q;
}

static bool at_once(void *ctx)
{
	(void)ctx;
	return true;
}

static void test_answers_come_from_another_process(void **state)
{
	struct origin_question q = about(OTHER, ORIGIN_READ_SEAL);
	struct origin_asked asked = { .fd = -1 };
	struct origin_answer a;
	struct seal seal;
	struct err err;

	(void)state;
	assert_int_equal(origin_ask(&asked, &q, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, 0);
	assert_int_not_equal(shared->pid, getpid());
	assert_int_equal(asked.fd, -1);
	/*
	 * The origin must be flushed: without the flush, a power cut after the close could make the
	 * origin differ from its seal.
	 */
	assert_int_equal(shared->flushed, 1);
	seal = a.seal;
	q = about(OTHER, ORIGIN_READ_SEAL_DIFFERENCE);
	q.seal = seal;
	assert_int_equal(origin_ask(&asked, &q, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, 0);
	q.seal.entry[2].hash++;
	assert_int_equal(origin_ask(&asked, &q, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, 1);
	assert_non_null(strstr(a.err.msg, "places differs"));

	q = about(OTHER, ORIGIN_READ_WITNESS);
	q.era = 4;
	assert_int_equal(origin_ask(&asked, &q, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, 0);
	assert_true(witness_valid(&a.witness));
	q = about(OTHER, ORIGIN_READ_UNUSED);
	assert_int_equal(origin_ask(&asked, &q, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, 0);
	q = about(OTHER, ORIGIN_READ_IDENTITY);
	assert_int_equal(origin_ask(&asked, &q, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(le32toh(a.identity.version), IDENTITY_VERSION);
}

static void test_the_label_of_a_physical_volume_is_read(void **state)
{
	static const char uuid[] = "0123456789abcdefghijABCDEFGHIJ+-";
	const struct origin_question q = about(OTHER, ORIGIN_READ_PV_LABEL);
	const int fd = open(shared->path, O_WRONLY | O_CLOEXEC);
	struct origin_asked asked = { .fd = -1 };
	struct origin_answer a;
	struct err err;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(origin_ask(&asked, &q, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, -ENODATA);
	assert_int_equal(pwrite(fd, "LABELONE\1\0\0\0\0\0\0\0\0\0\0\0\40\0\0\0LVM2 001", 32, 512), 32);
	assert_int_equal(pwrite(fd, uuid, 32, 512 + 32), 32);
	assert_int_equal(origin_ask(&asked, &q, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, 0);
	assert_string_equal(a.pv_uuid, uuid);
	assert_int_not_equal(shared->pid, getpid());
	close(fd);
}

static void test_late_answer_is_used(void **state)
{
	const struct origin_question q = about(HUNG, ORIGIN_READ_SEAL);
	struct origin_asked asked = { .fd = -1 };
	struct origin_answer a;
	unsigned int before;
	struct err err;

	(void)state;
	shared->hangs = true;
	assert_int_equal(origin_ask(&asked, &q, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.msg, "the origin 7:1 was not read within 0 seconds"));
	before = shared->opened;
	assert_int_equal(origin_ask(&asked, &q, LONG_MS, at_once, NULL, &a, &err), -ESHUTDOWN);
	shared->hangs = false;
	assert_int_equal(origin_ask(&asked, &q, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, 0);
	assert_int_equal(shared->opened, before);
}

static void test_late_answer_is_not_used_for_another_instance(void **state)
{
	struct origin_question q = about(HUNG, ORIGIN_READ_SEAL);
	struct origin_asked asked = { .fd = -1 };
	struct origin_answer a;
	unsigned int before;
	struct err err;

	(void)state;
	q.instance = 1;
	shared->hangs = true;
	assert_int_equal(origin_ask(&asked, &q, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
	assert_int_equal(origin_ask(&asked, &q, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.msg, "the origin 7:1 has not been read yet"));
	before = shared->opened;
	shared->hangs = false;
	/*
	 * The late answer is for instance 1. It is not used for instance 2, because the origin may
	 * have been written between the two instances.
	 */
	q.instance = 2;
	assert_int_equal(origin_ask(&asked, &q, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, 0);
	assert_int_equal(shared->opened, before + 1);
}

static void test_hung_origin_has_one_process_and_delays_no_other_origin(void **state)
{
	const struct origin_question seal = about(HUNG, ORIGIN_READ_SEAL), witness = about(HUNG, ORIGIN_READ_WITNESS),
		other = about(OTHER, ORIGIN_READ_SEAL);
	struct origin_asked asked = { .fd = -1 }, others = { .fd = -1 };
	struct origin_answer a;
	unsigned int before;
	struct err err;

	(void)state;
	shared->hangs = true;
	assert_int_equal(origin_ask(&asked, &seal, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
	before = shared->opened;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(origin_ask(&asked, &witness, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
		assert_non_null(strstr(err.msg, "an attempt to read it has not ended"));
	}
	assert_int_equal(origin_ask(&asked, &witness, LONG_MS, at_once, NULL, &a, &err), -ESHUTDOWN);
	assert_int_equal(shared->opened, before);
	assert_int_equal(origin_ask(&others, &other, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, 0);
	shared->hangs = false;
	assert_int_equal(origin_ask(&asked, &witness, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, 0);
}

static void test_a_reader_that_cannot_fork_is_not_an_origin_that_hangs(void **state)
{
	const struct origin_question q = about(OTHER, ORIGIN_READ_SEAL);
	struct origin_asked asked = { .fd = -1 };
	struct origin_answer a;
	struct err err;

	(void)state;
	shared->no_fork = true;
	assert_int_equal(origin_ask(&asked, &q, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
	assert_string_equal(err.msg, "the origin 7:2 cannot be read, because erad cannot start a process that reads it: Resource temporarily unavailable");
	assert_int_equal(a.code, -EAGAIN);
	/* When the reader can fork again, it reads the origin. */
	shared->no_fork = false;
	assert_int_equal(origin_ask(&asked, &q, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, 0);
	assert_int_not_equal(shared->pid, getpid());
}

static void test_a_process_that_stops_within_an_answer_is_not_awaited(void **state)
{
	const struct origin_question q = about(OTHER, ORIGIN_READ_SEAL);
	struct origin_asked asked = { .fd = -1 };
	struct origin_answer a;
	struct err err;

	(void)state;
	/* Ends the test if the call waits for the stopped process. */
	alarm(30);
	shared->stops = true;
	assert_int_equal(origin_ask(&asked, &q, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
	assert_string_equal(err.msg, "the origin 7:2 was not read within 0 seconds; check whether the device hangs");
	/* The part of the answer that has arrived is dropped, so the next call asks again. */
	assert_int_equal(asked.fd, -1);
	shared->stops = false;
	assert_int_equal(origin_ask(&asked, &q, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, 0);

	/* Let the reader stop after it has sent a refusal. */
	shared->no_fork = true;
	shared->stops = true;
	assert_int_equal(origin_ask(&asked, &q, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
	assert_string_equal(err.msg, "the origin 7:2 cannot be read, because erad cannot start a process that reads it: Resource temporarily unavailable");
	assert_int_equal(asked.fd, -1);
	assert_int_equal(origin_ask(&asked, &q, SHORT_MS, at_once, NULL, &a, &err), -ESHUTDOWN);
	shared->no_fork = false;
	shared->stops = false;
	assert_int_equal(origin_ask(&asked, &q, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, 0);
	alarm(0);
}

static struct origin_question about_path(enum origin_read what, uint64_t dev, const char *path)
{
	struct origin_question q = about(dev, what);

	strcpy(q.path, path);
	return q;
}

static struct origin_question about_store(const char *path)
{
	return about_path(ORIGIN_EXAMINE_STORE, origin_store_key(path), path);
}

static void test_stores_are_examined_in_other_processes(void **state)
{
	const struct origin_question hung = about_store("/dev/hung"), used = about_store("/dev/used"),
		held = about_path(ORIGIN_EXAMINE_HELD_STORE, OTHER, "/dev/shown");
	struct origin_asked asked = { .fd = -1 }, others = { .fd = -1 };
	struct origin_answer a;
	unsigned int before;
	struct err err;

	(void)state;
	shared->hangs = true;
	assert_int_equal(origin_ask(&asked, &hung, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
	assert_string_equal(err.msg, "the copy-on-write store at /dev/hung was not examined within 0 seconds; check whether the device hangs");
	origin_drop(&asked);
	before = shared->opened;
	assert_int_equal(origin_ask(&asked, &hung, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
	assert_string_equal(err.msg, "the copy-on-write store at /dev/hung cannot be examined, because an attempt to examine it has not ended; check whether the device hangs");
	assert_int_equal(shared->opened, before);
	origin_drop(&asked);
	/*
	 * Another store is examined in another process, so this does not wait for the store that
	 * hangs.
	 */
	assert_int_equal(origin_ask(&others, &used, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, -EBUSY);
	assert_string_equal(a.err.msg, "/dev/used is in use");
	assert_int_not_equal(shared->pid, getpid());
	shared->hangs = false;
	assert_int_equal(origin_ask(&asked, &hung, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, 0);
	assert_int_equal(a.store.dev, OTHER);
	assert_int_equal(a.store.nr_sectors, 77);
	/* A store that a mapped device holds is found by its device number. */
	assert_int_equal(origin_ask(&others, &held, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, -EEXIST);
	assert_string_equal(a.err.msg, "/dev/shown has content");
	assert_int_not_equal(shared->pid, getpid());
}

static void test_devices_are_removed_and_discarded_in_other_processes(void **state)
{
	const struct origin_question hung = about_path(ORIGIN_REMOVE_DEVICE, HUNG, "hung-image"),
		gone = about_path(ORIGIN_REMOVE_DEVICE, OTHER, "gone-image"), discard = about(HUNG, ORIGIN_DISCARD_STORE);
	struct origin_asked asked = { .fd = -1 };
	const unsigned int before = shared->set_up;
	struct origin_answer a;
	struct err err;

	(void)state;
	assert_int_equal(origin_ask(&asked, &gone, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, -ENXIO);
	assert_int_not_equal(shared->pid, getpid());
	assert_int_equal(shared->set_up, before + 1);
	shared->hangs = true;
	assert_int_equal(origin_ask(&asked, &hung, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
	assert_string_equal(err.msg, "/dev/mapper/hung-image was not removed within 0 seconds; check whether a device below it hangs or udev is slow");
	shared->hangs = false;
	assert_int_equal(origin_ask(&asked, &hung, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, 0);
	shared->hangs = true;
	assert_int_equal(origin_ask(&asked, &discard, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
	assert_string_equal(err.msg, "the copy-on-write store 7:1 was not discarded within 0 seconds; check whether the device hangs");
	shared->hangs = false;
	assert_int_equal(origin_ask(&asked, &discard, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, -EOPNOTSUPP);
	assert_int_not_equal(shared->pid, getpid());
	assert_false(shared->alone);
	/* If the caller goes away before the discard begins, the process notices this. */
	shared->hangs = true;
	assert_int_equal(origin_ask(&asked, &discard, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
	origin_drop(&asked);
	shared->hangs = false;
	for (int i = 0; i < 10000 && !shared->alone; i++)
		usleep(1000);
	assert_true(shared->alone);
}

static void test_paths_are_examined_in_other_processes(void **state)
{
	struct origin_question hung = about_path(ORIGIN_PEEK, 1, "/dev/hung"), other = about_path(ORIGIN_PEEK, 2, "/dev/other");
	struct origin_asked asked = { .fd = -1 }, others = { .fd = -1 };
	struct origin_answer a;
	struct err err;

	(void)state;
	hung.depth = other.depth = PEEK_SUPER;
	shared->hangs = true;
	assert_int_equal(origin_ask(&asked, &hung, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
	assert_string_equal(err.msg, "/dev/hung was not examined within 0 seconds; check whether the device or its file system hangs");
	assert_int_equal(origin_ask(&others, &other, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_true(a.peek.exists);
	assert_int_equal(a.peek.dev, PEEK_SUPER);
	assert_int_not_equal(shared->pid, getpid());
	shared->hangs = false;
	assert_int_equal(origin_ask(&asked, &hung, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_true(a.peek.exists);
}

static void test_file_systems_are_synced_and_frozen_in_other_processes(void **state)
{
	const struct origin_question sync = about_path(ORIGIN_SYNC, HUNG, "data"), swap = about_path(ORIGIN_SWAP_FROZEN, HUNG, "data");
	struct origin_asked asked = { .fd = -1 };
	struct origin_answer a;
	struct err err;

	(void)state;
	shared->hangs = true;
	assert_int_equal(origin_ask(&asked, &sync, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
	assert_string_equal(err.msg, "the file system on /dev/mapper/data was not synced within 0 seconds; check whether the origin of the volume hangs");
	/* The freeze begins although the sync still hangs. */
	assert_int_equal(origin_ask(&asked, &swap, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
	assert_string_equal(err.msg, "the file system on /dev/mapper/data was not frozen within 0 seconds; check whether the origin of the volume hangs");
	origin_drop(&asked);
	/* A second freeze does not begin before the first one has ended. */
	assert_int_equal(origin_ask(&asked, &swap, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
	assert_string_equal(err.msg, "the file system on /dev/mapper/data cannot be frozen, because an attempt to freeze it has not ended; check whether the origin of the volume hangs");
	shared->hangs = false;
	assert_int_equal(origin_ask(&asked, &swap, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, -EBUSY);
	assert_string_equal(a.err.msg, "it is frozen already");
	assert_int_not_equal(shared->pid, getpid());
}

static void test_tables_are_replaced_in_other_processes_within_a_limit(void **state)
{
	struct origin_question slow = about_path(ORIGIN_SWAP, OTHER, "slow"), hung = about_path(ORIGIN_SWAP, HUNG, "hung"),
		resume = about(OTHER, ORIGIN_RESUME_OLD);
	struct origin_asked asked = { .fd = -1 };
	struct origin_answer a;
	struct err err;

	(void)state;
	/* A signal ends the wait for the I/O of a device, and no other one. */
	slow.seconds = hung.seconds = resume.seconds = 1;
	assert_int_equal(origin_ask(&asked, &slow, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, -EINTR);
	assert_string_equal(a.err.msg, "the table of slow is not replaced");
	assert_int_equal(a.us, 77);
	assert_int_not_equal(shared->pid, getpid());
	assert_int_equal(origin_ask(&asked, &resume, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, -EINTR);
	/* The timer is the child's, and not this process's. */
	assert_int_equal(alarm(0), 0);

	shared->hangs = true;
	assert_int_equal(origin_ask(&asked, &hung, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
	assert_int_equal(a.code, 0);
	assert_string_equal(err.msg, "the table of /dev/mapper/hung was not replaced within 0 seconds; check whether a device below it hangs");
	origin_drop(&asked);
	/* Another change of the device does not begin before the first one has ended. */
	resume.dev = HUNG;
	assert_int_equal(origin_ask(&asked, &resume, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
	assert_int_equal(a.code, -EBUSY);
	assert_string_equal(err.msg, "mapped device 7:1 cannot be resumed, because an attempt to resume it has not ended; check whether the device hangs");
	shared->hangs = false;
	assert_int_equal(origin_ask(&asked, &hung, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, 0);
}

static void test_swap_that_was_killed_does_not_succeed_without_a_table(void **state)
{
	struct origin_question q = about_path(ORIGIN_SWAP, 3, "killed");
	struct origin_asked asked = { .fd = -1 };
	struct origin_answer a;
	struct err err;

	(void)state;
	q.seconds = 60;
	assert_int_equal(origin_ask(&asked, &q, LONG_MS, NULL, NULL, &a, &err), 0);
	/* The child that was killed has put the table into use, so the old table is not in use. */
	assert_int_equal(a.code, -EINPROGRESS);
	assert_string_equal(a.err.msg, "the table that was loaded for /dev/mapper/killed is gone, and may be in use; try again");
	shared->swapped = false;
}

static void test_volumes_are_suspended_in_another_process(void **state)
{
	struct origin_question q;
	struct origin_asked asked = { .fd = -1 };
	struct origin_answer a;
	struct err err;

	(void)state;
	memset(&q, 0, sizeof(q));
	q.what = ORIGIN_SWAP_TOGETHER;
	q.dev = HUNG;
	strcpy(q.together.note, "b");
	q.together.nr = 1;
	q.together.dev[0] = HUNG;
	shared->hangs = true;
	assert_int_equal(origin_ask(&asked, &q, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
	assert_string_equal(err.msg, "the set of volumes was not suspended within 0 seconds; check whether the origin of a volume hangs");
	shared->hangs = false;
	assert_int_equal(origin_ask(&asked, &q, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, -EBUSY);
	assert_string_equal(a.err.msg, "volume b is frozen already");
	assert_int_not_equal(shared->pid, getpid());
}

static void test_notes_are_read_in_other_processes(void **state)
{
	const struct origin_question q = { .what = ORIGIN_READ_NOTE, .dev = 1, .uuid = "0123456789abcde" };
	struct origin_asked asked = { .fd = -1 };
	struct origin_answer a;
	struct err err;

	(void)state;
	shared->hangs = true;
	assert_int_equal(origin_ask(&asked, &q, SHORT_MS, NULL, NULL, &a, &err), -ETIMEDOUT);
	assert_string_equal(err.msg, "the newest token in /var/lib/erad/seen was not read within 0 seconds; check whether its file system hangs");
	shared->hangs = false;
	assert_int_equal(origin_ask(&asked, &q, LONG_MS, NULL, NULL, &a, &err), 0);
	assert_int_equal(a.code, 0);
	assert_memory_equal(a.token.uuid, q.uuid, sizeof(q.uuid));
	assert_int_not_equal(shared->pid, getpid());
}

static void test_without_a_reader_the_caller_reads(void **state)
{
	const struct origin_question q = about(OTHER, ORIGIN_READ_SEAL);
	struct origin_asked asked = { .fd = -1 };
	struct origin_answer a;
	const pid_t reader = shared->parent;
	struct err err;

	(void)state;
	assert_int_not_equal(reader, getppid());
	assert_int_equal(kill(reader, SIGKILL), 0);
	assert_int_equal(waitpid(reader, NULL, 0), reader);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(origin_ask(&asked, &q, LONG_MS, NULL, NULL, &a, &err), 0);
		assert_int_equal(a.code, 0);
		assert_int_equal(shared->pid, getpid());
	}
}

static int set_up(void **state)
{
	const int fd = memfd_create("origin", MFD_CLOEXEC);
	struct err err;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	snprintf(shared->path, sizeof(shared->path), "/proc/%d/fd/%d", getpid(), fd);
	return origin_reader_start(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_come_from_another_process),
		cmocka_unit_test(test_the_label_of_a_physical_volume_is_read),
		cmocka_unit_test(test_late_answer_is_used),
		cmocka_unit_test(test_late_answer_is_not_used_for_another_instance),
		cmocka_unit_test(test_hung_origin_has_one_process_and_delays_no_other_origin),
		cmocka_unit_test(test_a_reader_that_cannot_fork_is_not_an_origin_that_hangs),
		cmocka_unit_test(test_a_process_that_stops_within_an_answer_is_not_awaited),
		cmocka_unit_test(test_stores_are_examined_in_other_processes),
		cmocka_unit_test(test_devices_are_removed_and_discarded_in_other_processes),
		cmocka_unit_test(test_paths_are_examined_in_other_processes),
		cmocka_unit_test(test_file_systems_are_synced_and_frozen_in_other_processes),
		cmocka_unit_test(test_tables_are_replaced_in_other_processes_within_a_limit),
		cmocka_unit_test(test_swap_that_was_killed_does_not_succeed_without_a_table),
		cmocka_unit_test(test_volumes_are_suspended_in_another_process),
		cmocka_unit_test(test_notes_are_read_in_other_processes),
		cmocka_unit_test(test_without_a_reader_the_caller_reads),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
