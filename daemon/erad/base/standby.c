// SPDX-License-Identifier: GPL-2.0-or-later
/* The standby process: see standby.h. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/standby_lock.h"
#include "erad/base/log.h"
#include "erad/base/standby.h"
#include "erad/base/thread.h"

#define HALF_SIZE	(64u << 10)	/* bytes for the names and paths of volumes, in each half */
/* Threads are reserved for at most this many volumes. */
#define VOLUMES_READY	8u
#define KEEP_UP_MS	5000		/* how often the standby adapts its heap and its threads */
/* keep_up() takes memory only if more than this stays free. */
#define FREE_MIN	(64u << 20)
#define RELIEVE_MS	12000		/* how long a standby may take to end after SIGTERM */
#define KILLED_MS	2000		/* how long a killed standby may take to disappear */

/* Memory that the main process writes and its standby reads. */
struct shared {
	atomic_uint valid;		/* index of the half that the standby must read */
	atomic_size_t heap;		/* size of the main process's heap in bytes */
	atomic_bool serves;		/* the main process has begun to relieve older standbys */
	unsigned int nr_targets;	/* live targets at the time of the fork; constant */
	struct half {
		uint32_t nr;
		size_t used;
		/* For each volume: a struct fixed, the name, the origin, the metadata. */
		char text[HALF_SIZE];
	} half[2];
};

struct fixed {
	uint8_t uuid[16];
	dev_t dev, meta_dev;
	bool may_format;
};

static struct shared *shared;		/* NULL: erad was started without a standby */
static uint32_t generation;
static bool is_standby;
static int main_fd = -1;		/* in the standby: pidfd of the main process */
static int child_fd = -1;		/* in the main process: pidfd of the standby */
/* A pipe, which the standby writes and the main process reads. */
static int resident_fd = -1;
static atomic_int child;		/* in the main process: pid of the standby, or 0 */
static char *heap_start;		/* end of this process's heap when the standby was forked */
/* In the main process: the half that heirlooms_put() fills until heirlooms_commit(). */
static struct half *filling;

int standby_generation(int lock_fd)
{
	uint32_t last;

	generation = 1;
	if (pread(lock_fd, &last, sizeof(last), 0) == sizeof(last))
		generation = last + 1;
	return pwrite(lock_fd, &generation, sizeof(generation), 0) == sizeof(generation) ? 0 : -errno;
}

bool standby_is_me(void)
{
	return is_standby;
}

pid_t standby_pid(void)
{
	return atomic_load(&child);
}

const char *standby_state(void)
{
	return is_standby ? "serves" : standby_pid() ? "ready" : "none";
}

int standby_fd(void)
{
	return child_fd;
}

/*
 * Returns the fd of the lock file, or -1 and errno.  The file stays open until the process ends: a
 * process loses its POSIX locks on a file when it closes any fd of the file; see fcntl(2).
 */
static int lock_standby_file(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open(STANDBY_LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return fd;
}

static int lock_generation(void)
{
	struct flock present = standby_lock_of(STANDBY_PRESENT, generation, 1);
	struct flock goes_on = standby_lock_of(STANDBY_GOES_ON, generation, 1);
	int fd = lock_standby_file();

	if (fd < 0)
		return -errno;
	return fcntl(fd, F_SETLK, &present) || fcntl(fd, F_SETLK, &goes_on) ? -errno : 0;
}

void standby_stops(void)
{
	struct flock l = standby_lock_of(STANDBY_GOES_ON, generation, 1);

	l.l_type = F_UNLCK;
	if (is_standby && fcntl(lock_standby_file(), F_SETLK, &l))
		log_warn("cannot unlock " STANDBY_LOCK_FILE ": %m");
}

/* Makes this process, which fork() has created, the standby. */
static void become_standby(void)
{
	int r;

	is_standby = true;
	prctl(PR_SET_NAME, "erad-standby");
	/* Only the main process may send notifications to its service manager. */
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_PID");
	unsetenv("WATCHDOG_USEC");
	/* The standby inherits IO_FLUSHER and the OOM score from fork(), but no memory locks. */
	r = mlockall(MCL_CURRENT | MCL_FUTURE) ? -errno : lock_generation();
	if (r) {
		log_error("the standby cannot get ready: %s", strerror(-r));
		_exit(EXIT_FAILURE);
	}
}

int standby_fork(unsigned int nr_targets, struct err *err)
{
	int ends[2];
	pid_t pid;
	int r;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		shared = NULL;
		return err_set(err, -errno, "cannot share memory with a standby: %m");
	}
	shared->nr_targets = nr_targets;
	heap_start = sbrk(0);
	main_fd = pidfd_open(getpid(), 0);
	if (main_fd < 0) {
		r = err_set(err, -errno, "cannot make a pidfd: %m");
		goto out_unmap;
	}
	if (pipe2(ends, O_CLOEXEC)) {
		r = err_set(err, -errno, "cannot make a pipe: %m");
		goto out_close_main;
	}
	pid = fork();
	if (pid < 0) {
		r = err_set(err, -errno, "cannot fork a standby: %m");
		goto out_close_ends;
	}
	if (!pid) {
		close(ends[0]);
		resident_fd = ends[1];
		become_standby();
		return 0;
	}
	atomic_store(&child, pid);
	close(ends[1]);
	resident_fd = ends[0];
	close(main_fd);
	main_fd = -1;
	child_fd = pidfd_open(pid, 0);
	return 0;

out_close_ends:
	close(ends[0]);
	close(ends[1]);
out_close_main:
	close(main_fd);
	main_fd = -1;
out_unmap:
	munmap(shared, sizeof(*shared));
	shared = NULL;
	return r;
}

void standby_has_ended(void)
{
	pid_t pid = atomic_exchange(&child, 0);

	if (!pid)
		return;
	waitpid(pid, NULL, 0);
	if (child_fd >= 0)
		close(child_fd);
	child_fd = -1;
}

int standby_await(struct err *err)
{
	ssize_t n;
	char byte;

	do
		n = read(resident_fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	close(resident_fd);
	resident_fd = -1;
	if (n != 1) {
		standby_has_ended();
		return err_set(err, -ECHILD, "the standby has ended before it was ready");
	}
	/*
	 * fork() has made all pages copy-on-write.  Lock them again, so that no later write to a
	 * page needs memory.
	 */
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		return err_set(err, -errno, "cannot lock memory: %m");
	return 0;
}

void standby_end(void)
{
	pid_t pid = atomic_load(&child);

	if (!pid)
		return;
	/* SIGKILL also ends a process that is stopped.  The standby has nothing to finish. */
	kill(pid, SIGKILL);
	standby_has_ended();
}

/* ---- the standby of an earlier main process ---- */

static bool wait_end(int pidfd, int ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

/* Ends the process that holds the lock `had`.  Returns false if the process does not end. */
static bool end_standby(int fd, const struct flock *had)
{
	int pidfd = pidfd_open(had->l_pid, 0);
	struct flock l;
	bool ended = true;

	if (pidfd < 0)
		return errno == ESRCH;
	/*
	 * The pid may belong to another process by now.  Signal the process only if it still holds
	 * the lock.
	 */
	if (!standby_lock_find(fd, STANDBY_PRESENT, had->l_start, 1, &l) || l.l_pid != had->l_pid)
		goto out;
	log_info("relieving the standby, process %d", l.l_pid);
	pidfd_send_signal(pidfd, SIGTERM, NULL, 0);
	ended = wait_end(pidfd, RELIEVE_MS);
	if (!ended) {
		log_warn("the standby, process %d, does not end after SIGTERM, so erad kills this process", l.l_pid);
		pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		ended = wait_end(pidfd, KILLED_MS);
	}
out:
	close(pidfd);
	return ended;
}

void standby_relieve(void)
{
	int fd = lock_standby_file();
	uint32_t first = 0;
	struct flock l;

	if (shared)
		atomic_store(&shared->serves, true);
	if (fd < 0) {
		log_warn("cannot open " STANDBY_LOCK_FILE " to look for a standby: %m");
		return;
	}
	while (first < generation && standby_lock_find(fd, STANDBY_PRESENT, first, generation - first, &l)) {
		if (end_standby(fd, &l))
			continue;
		log_warn("standby process %d has not ended; erad attaches to the volumes of the standby as soon as this process has ended", l.l_pid);
		first = l.l_start + 1;
	}
}

/*
 * Called in the standby of a main process that has died.  Returns true if the main process died
 * during its start, and the standby of an earlier main process goes on serving the volumes.  If so,
 * the earlier standby must go on, because it knows the volumes, and this standby does not.
 */
static bool earlier_one_serves(void)
{
	const int fd = lock_standby_file();

	return !atomic_load(&shared->serves) && fd >= 0 && standby_lock_going_on(fd, generation);
}

/* ---- what the standby does until the main process dies ---- */

static unsigned int threads_wanted(void)
{
	unsigned int nr = shared->half[atomic_load(&shared->valid)].nr;

	/*
	 * The main process may die before it has opened a volume for each live target, so reserve
	 * threads for the targets, too.
	 */
	if (nr < shared->nr_targets)
		nr = shared->nr_targets;
	return thread_needed(nr < VOLUMES_READY ? nr : VOLUMES_READY);
}

/*
 * Makes the heap as large as the heap of the main process, and reserves threads.  at_start: the
 * main process still waits for this process, which may wait for memory.  After the start, this
 * process must never wait for memory, because the main process may die at any time, and this
 * process must then serve the volumes at once.
 */
static void keep_up(bool at_start)
{
	static unsigned int threads;
	const size_t has = (char *)sbrk(0) - heap_start, wants = atomic_load(&shared->heap);
	size_t heap = wants > has ? wants - has : 0;
	struct sysinfo s;
	void *p;

	if (!heap && threads >= threads_wanted())
		return;
	if (!at_start && (sysinfo(&s) ||
			  s.freeram * s.mem_unit < 2 * heap + VOLUMES_READY * THREADS_EACH * THREAD_STACK + FREE_MIN))
		return;
	if (heap) {
		/*
		 * malloc() first uses the free end of the heap.  Add the size of this free end, so
		 * that the heap grows.
		 */
		heap += mallinfo2().keepcost;
		p = malloc(heap);
		/*
		 * free() never returns memory to the kernel here, so the heap keeps its new size.
		 */
		if (p)
			memset(p, 1, heap);
		free(p);
	}
	if (!thread_reserve(threads_wanted()))
		threads = threads_wanted();
}

void standby_wait(void)
{
	struct pollfd p = { .fd = main_fd, .events = POLLIN };
	sigset_t none;

	sigemptyset(&none);
	keep_up(true);
	if (write(resident_fd, "", 1) != 1)
		log_debug("the main process has ended already");
	close(resident_fd);
	resident_fd = -1;
	for (;;) {
		const struct timespec while_ = { KEEP_UP_MS / 1000, KEEP_UP_MS % 1000 * 1000000 };

		/* SIGTERM is blocked outside ppoll(), so no SIGTERM is missed. */
		if (ppoll(&p, 1, &while_, &none) > 0)
			break;
		keep_up(false);
	}
	close(main_fd);
	main_fd = -1;
	if (earlier_one_serves()) {
		log_warn("the new erad has died during its start; the standby of the previous erad goes on serving the volumes");
		log_stop();
		_exit(EXIT_SUCCESS);
	}
}

/* ---- volumes ---- */

void standby_needs_heap(void)
{
	if (shared && !is_standby)
		atomic_store(&shared->heap, (size_t)((char *)sbrk(0) - heap_start));
}

void heirlooms_begin(void)
{
	if (!shared || is_standby)
		return;
	filling = &shared->half[!atomic_load(&shared->valid)];
	filling->nr = 0;
	filling->used = 0;
}

static char *append_bytes(char *at, const void *from, size_t len)
{
	memcpy(at, from, len);
	return at + len;
}

void heirlooms_put(const struct heirloom *h)
{
	const struct fixed f = { .dev = h->dev, .meta_dev = h->meta_dev, .may_format = h->may_format };
	const size_t name = strlen(h->name) + 1, origin = strlen(h->origin) + 1,
		     metadata = strlen(h->metadata) + 1;
	char *at;

	if (!filling)
		return;
	if (sizeof(f) + name + origin + metadata > HALF_SIZE - filling->used)
		return;
	at = filling->text + filling->used;
	at = append_bytes(at, &f, sizeof(f));
	memcpy(at - sizeof(f) + offsetof(struct fixed, uuid), h->uuid, sizeof(h->uuid));
	at = append_bytes(at, h->name, name);
	at = append_bytes(at, h->origin, origin);
	at = append_bytes(at, h->metadata, metadata);
	filling->used = at - filling->text;
	filling->nr++;
}

void heirlooms_commit(void)
{
	if (!filling)
		return;
	filling = NULL;
	atomic_store(&shared->valid, !atomic_load(&shared->valid));
	standby_needs_heap();
}

void heirlooms_each(void (*fn)(const struct heirloom *h))
{
	const struct half *half = &shared->half[atomic_load(&shared->valid)];
	const char *at = half->text;

	for (uint32_t n = 0; n < half->nr; n++) {
		struct heirloom h;
		struct fixed f;

		memcpy(&f, at, sizeof(f));
		h = (struct heirloom){ .dev = f.dev, .meta_dev = f.meta_dev, .may_format = f.may_format };
		memcpy(h.uuid, f.uuid, sizeof(h.uuid));
		h.name = at + sizeof(f);
		h.origin = h.name + strlen(h.name) + 1;
		h.metadata = h.origin + strlen(h.origin) + 1;
		at = h.metadata + strlen(h.metadata) + 1;
		fn(&h);
	}
}
