// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * erad: prepares the process for the block I/O path, then runs the main loop, which only waits for
 * events.
 *
 * The order of the set-up matters.  From setup_process() on, an allocation does not wait for erad's
 * own volumes, so steps that need memory come later.  Steps that take long, may fail or need much
 * memory come before standby_relieve(), because until then the standby of the previous erad serves
 * the volumes.  READY=1 comes last, when erad has attached to the live targets again.  The standby
 * (standby.h) is forked before setup_threads(), and takes the steps from setup_threads() on when
 * the main process has died.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "common/failpoint.h"
#include "common/file_lock.h"
#include "common/protocol.h"
#include "common/stdfds.h"
#include "erad/base/log.h"
#include "erad/base/reserve.h"
#include "erad/base/standby.h"
#include "erad/base/thread.h"
#include "erad/bpf/shown.h"
#include "erad/device/dm.h"
#include "erad/module/control.h"
#include "erad/ops/attach.h"
#include "erad/request/request.h"
#include "erad/request/socket.h"
#include "erad/volume/adopt.h"
#include "erad/volume/registry.h"

#ifndef ERAD_VERSION
#define ERAD_VERSION	"unknown"
#endif

#define HEAP_KEEP	(4u << 20)	/* size of the heap from the start, in bytes */
/* Stack of the main thread, as large as the other threads' stacks. */
#define STACK_KEEP	(256u << 10)
/* erad reports READY after this time, even if it has not attached to all live targets. */
#define READY_LATEST_MS	20000
/* Pause after a failed LIST, or a failed attempt to create the socket. */
#define AGAIN_MS	1000
/* If one commit takes longer than this, erad stops notifying the watchdog. */
#define STUCK_MS	20000
/* Limit for closing the volumes, and also for ending the requests. */
#define STOP_MS		10000
/*
 * Limit for ending the requests in a standby.  Short, because the next erad waits for the standby.
 */
#define RELIEVED_MS	1000
#define THREADS_MAX	32		/* limit of the threads that are created in advance */

struct erad {
	sd_event *event;
	int lock_fd, control_fd, socket_fd, progress_fd;
	sd_event_source *relist;	/* timer that repeats a failed LIST */
	/* Timer that repeats a failed attempt to create the socket. */
	sd_event_source *relisten;
	/* Interval of notifications to the watchdog.  0: there is no watchdog. */
	uint64_t watchdog_usec;
	bool no_writers, no_standby;
	bool ready;
	bool no_socket;			/* the log says that there is no socket */
	bool stuck;			/* the log says that a commit takes long */
};

static void print_usage(FILE *f)
{
	fputs("usage: erad [-v] [--no-writers] [--no-standby]\n"
	      "       erad --check-module\n"
	      "\n"
	      "Records which blocks of erad's volumes are written; runs in the foreground.\n"
	      "\n"
	      "  -v, --verbose     say more\n"
	      "      --no-writers  do not count who writes, for eractl top and explain\n"
	      "      --no-standby  do not keep a second process that goes on if this one is killed\n"
	      "      --check-module\n"
	      "                    only say whether this erad works with the module that is loaded, if one is\n"
	      "      --help        say this\n"
	      "      --version     say the version\n", f);
}

/*
 * For the upgrade of packages: checks whether this erad works with the loaded module.  Returns the
 * exit code, which is 0 also if no module is loaded.
 */
static int check_module(void)
{
	struct err err;
	int fd, r = control_open(&fd, &err);

	if (!r)
		close(fd);
	if (!r || r == -ENOENT || r == -ENXIO || r == -ENODEV)
		return EXIT_SUCCESS;
	fprintf(stderr, "erad: %s\n", err.msg);
	return EXIT_FAILURE;
}

static int parse_args(int argc, char **argv, struct erad *e)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "no-writers", no_argument, NULL, 'W' },
		{ "no-standby", no_argument, NULL, 'S' },
		{ "check-module", no_argument, NULL, 'M' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "v", options, NULL)) != -1) {
		switch (c) {
		case 'v':
			log_verbose();
			break;
		case 'W':
			e->no_writers = true;
			break;
		case 'S':
			e->no_standby = true;
			break;
		case 'M':
			exit(check_module());
		case 'h':
			print_usage(stdout);
			exit(stdfds_end("erad"));
		case 'V':
			puts("erad " ERAD_VERSION);
			exit(stdfds_end("erad"));
		default:
			print_usage(stderr);
			return -EINVAL;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "erad: got operand %s, expected none\n", argv[optind]);
		return -EINVAL;
	}
	return 0;
}

/* Takes the lock that allows only one erad.  The kernel releases the lock when the process ends. */
static int lock_instance(struct erad *e, struct err *err)
{
	static const char path[] = ERAD_RUN_DIR "/erad.lock";
	int fd, r;

	if (mkdir(ERAD_RUN_DIR, 0755) && errno != EEXIST)
		return err_set(err, -errno, "cannot make %s: %m", ERAD_RUN_DIR);
	fd = file_lock(path, O_RDWR | O_CREAT, 0, err);
	if (fd == -EBUSY)
		err_set(err, fd, "%s is locked: another erad is running", path);
	if (fd < 0)
		return fd;
	e->lock_fd = fd;
	r = standby_generation(fd);
	if (r) {
		log_warn("cannot write %s: %s; there is no standby", path, strerror(-r));
		e->no_standby = true;
	}
	return 0;
}

static void spare_from_oom_killer(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	/* Go on after an error, because the service manager may have set the OOM score already. */
	if (fd < 0 || write(fd, "-1000", 5) < 0)
		log_warn("cannot tell the OOM killer to spare erad: %m");
	if (fd >= 0)
		close(fd);
}

/*
 * Makes malloc() use one heap, which never shrinks.  So malloc() causes no page faults, and uses
 * neither mmap() nor arenas.
 */
static int keep_heap(void)
{
	void *p;

	/*
	 * Ignore errors: with glibc's malloc, these calls cannot fail, and a sanitizer's malloc
	 * does not have these options.
	 */
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, -1);
	mallopt(M_TOP_PAD, HEAP_KEEP / 4);
	p = malloc(HEAP_KEEP);
	if (!p)
		return -ENOMEM;
	memset(p, 1, HEAP_KEEP);
	free(p);
	return 0;
}

/*
 * Grows the stack.  Call this before mlockall(), which locks only the pages that the stack already
 * has.
 */
static void keep_stack(void)
{
	volatile char page[STACK_KEEP];

	for (size_t i = 0; i < sizeof(page); i += 4096)
		page[i] = 0;
}

static int setup_process(struct err *err)
{
	spare_from_oom_killer();
	/*
	 * Disable core dumps, because the kernel might write the dump to a volume whose writes wait
	 * for the end of this process.
	 */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	keep_stack();
	if (keep_heap() || reserve_setup())
		return err_set(err, -ENOMEM, "cannot set up the heap");
	/*
	 * With PR_SET_IO_FLUSHER, allocations of this thread and of its new threads never wait for
	 * writes, which may wait for erad.
	 */
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0))
		return err_set(err, -errno, "cannot become an I/O flusher: %m; CAP_SYS_RESOURCE is needed");
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		return err_set(err, -errno, "cannot lock memory: %m; CAP_IPC_LOCK is needed");
	return 0;
}

/* ---- the main loop ---- */

static int fire_again(sd_event_source *s)
{
	int r = sd_event_source_set_time_relative(s, AGAIN_MS * 1000ull);

	return r < 0 ? r : sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

/*
 * After a failed LIST, sets a timer to repeat it, because poll() may not report the same change
 * again.
 */
static int look_at_targets(struct erad *e)
{
	int r;

	r = volumes_changed(e->control_fd);
	if (!r) {
		adopt_wake();
		standby_needs_heap();
		return 0;
	}
	log_error("cannot list the targets: %s", strerror(-r));
	return fire_again(e->relist);
}

static int on_control(sd_event_source *s, int fd, uint32_t revents, void *data)
{
	(void)s;
	(void)fd;
	(void)revents;
	return look_at_targets(data);
}

static int on_relist(sd_event_source *s, uint64_t usec, void *data)
{
	(void)s;
	(void)usec;
	return look_at_targets(data);
}

static int on_socket(sd_event_source *s, int fd, uint32_t revents, void *data)
{
	(void)s;
	(void)revents;
	(void)data;
	socket_accept(fd, request_serve);
	return 0;
}

static int on_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *data)
{
	struct erad *e = data;

	(void)s;
	(void)si;
	return sd_event_exit(e->event, 0);
}

/*
 * From now on, there is no standby until erad is restarted, because only a process without threads
 * can fork a standby.
 */
static int on_standby_end(sd_event_source *s, int fd, uint32_t revents, void *data)
{
	(void)fd;
	(void)revents;
	(void)data;
	sd_event_source_set_enabled(s, SD_EVENT_OFF);
	standby_has_ended();
	log_warn("the standby has ended; if erad is killed now, new writes wait until it has been started again");
	return 0;
}

/*
 * erad is ready only when it answers requests.  If the socket cannot be created, erad serves the
 * volumes without the socket, and tries again.
 */
static int listen_for_requests(struct erad *e)
{
	struct err err;
	int r;

	r = socket_listen(&e->socket_fd, &err);
	if (r) {
		if (!e->no_socket)
			log_error("%s; requests are not answered until that works, volumes are served", err.msg);
		e->no_socket = true;
		/*
		 * Extend the timeout.  Otherwise the service manager would kill erad, which serves
		 * the volumes, because erad is not ready in time.
		 */
		sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%llu\nSTATUS=%s", AGAIN_MS * 30000ull, err.msg);
		return fire_again(e->relisten);
	}
	r = sd_event_add_io(e->event, NULL, e->socket_fd, EPOLLIN, on_socket, e);
	if (r < 0)
		return r;
	if (socket_listen_guests(request_serve, &err))
		log_error("%s; only root is served", err.msg);
	log_info("version " ERAD_VERSION " is ready");
	return sd_notify(0, "READY=1\nSTATUS=");
}

static int on_relisten(sd_event_source *s, uint64_t usec, void *data)
{
	(void)s;
	(void)usec;
	return listen_for_requests(data);
}

static int become_ready(struct erad *e)
{
	e->ready = true;
	shown_sweep(volumes_have);
	return listen_for_requests(e);
}

static int on_progress(sd_event_source *s, int fd, uint32_t revents, void *data)
{
	struct erad *e = data;
	uint64_t count;

	(void)s;
	(void)revents;
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return -errno;
	return !e->ready && volumes_settled(NULL) ? become_ready(e) : 0;
}

/*
 * Serve each connection in a thread, because a volume whose metadata hangs must not delay requests
 * for other volumes.
 */
static int on_ready_latest(sd_event_source *s, uint64_t usec, void *data)
{
	struct erad *e = data;
	struct err who;

	(void)s;
	(void)usec;
	if (e->ready)
		return 0;
	if (!volumes_settled(&who))
		log_warn("ready before all volumes are served: %s", who.msg);
	return become_ready(e);
}

static int on_watchdog(sd_event_source *s, uint64_t usec, void *data)
{
	struct erad *e = data;
	struct err who;

	if (volumes_progress(STUCK_MS, &who)) {
		e->stuck = false;
		sd_notify(0, "WATCHDOG=1");
	} else if (!e->stuck) {
		e->stuck = true;
		log_error("%s", who.msg);
	}
	sd_event_source_set_time(s, usec + e->watchdog_usec);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static int add_timer(struct erad *e, uint64_t usec, sd_event_time_handler_t fn)
{
	uint64_t now;
	int r;

	r = sd_event_now(e->event, CLOCK_MONOTONIC, &now);
	return r < 0 ? r : sd_event_add_time(e->event, NULL, CLOCK_MONOTONIC, now + usec,
					     usec / 10, fn, e);
}

/* Adds a timer, which is off until fire_again(). */
static int add_retry(struct erad *e, sd_event_source **s, sd_event_time_handler_t fn)
{
	int r = sd_event_add_time(e->event, s, CLOCK_MONOTONIC, 0, 0, fn, e);

	return r < 0 ? r : sd_event_source_set_enabled(*s, SD_EVENT_OFF);
}

static int setup_loop(struct erad *e)
{
	int r;

	r = sd_event_new(&e->event);
	if (r >= 0)
		r = sd_event_add_signal(e->event, NULL, SIGTERM, on_signal, e);
	if (r >= 0)
		r = sd_event_add_signal(e->event, NULL, SIGINT, on_signal, e);
	if (r >= 0)
		r = sd_event_add_io(e->event, NULL, e->control_fd, EPOLLIN, on_control, e);
	if (r >= 0)
		r = add_retry(e, &e->relist, on_relist);
	if (r >= 0)
		r = add_retry(e, &e->relisten, on_relisten);
	if (r >= 0)
		r = sd_event_add_io(e->event, NULL, e->progress_fd, EPOLLIN, on_progress, e);
	if (r >= 0 && standby_fd() >= 0)
		r = sd_event_add_io(e->event, NULL, standby_fd(), EPOLLIN, on_standby_end, e);
	return r;
}

/* Starts the timers of a process that serves the volumes. */
static int setup_timers(struct erad *e)
{
	int r;

	r = add_timer(e, READY_LATEST_MS * 1000ull, on_ready_latest);
	if (r >= 0 && sd_watchdog_enabled(0, &e->watchdog_usec) > 0) {
		e->watchdog_usec /= 4;
		r = add_timer(e, e->watchdog_usec, on_watchdog);
	}
	return r;
}

/*
 * Sets up what the main process and the standby share, before the fork.  This takes long, because
 * the kernel verifies the BPF programs.
 */
static void setup_shared(struct erad *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);

	dm_setup();
	shown_setup(e->no_writers);
}

static int setup_files(struct erad *e, int *shared, struct err *err)
{
	int r;

	e->progress_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (e->progress_fd < 0)
		return err_set(err, -errno, "cannot make an eventfd: %m");
	/*
	 * Open the control node twice.  LIST ends POLLIN of the file on which it is called, and
	 * only the main loop may end POLLIN of the file that it polls.
	 */
	r = control_open(&e->control_fd, err);
	return r ? r : control_open(shared, err);
}

static int setup_threads(struct erad *e, struct err *err)
{
	uint32_t nr;
	int r;

	r = setup_loop(e);
	if (r < 0)
		return err_set(err, r, "cannot set up the main loop: %s", strerror(-r));
	r = log_start();
	/*
	 * Create these threads in advance, so that the first volumes need no new thread after
	 * standby_relieve().
	 */
	if (!r && !standby_is_me() && !control_count(e->control_fd, &nr) && nr) {
		nr = thread_needed(nr);
		r = thread_reserve(nr < THREADS_MAX ? nr : THREADS_MAX);
	}
	return r ? err_set(err, r, "cannot start a thread: %s", strerror(-r)) : 0;
}

static int fork_standby(struct erad *e, int *shared, struct err *err)
{
	uint32_t nr = 0;

	if (control_count(e->control_fd, &nr))
		log_warn("cannot list the targets; the standby creates its threads later");
	if (standby_fork(nr, err)) {
		log_warn("%s; there is no standby", err->msg);
		return 0;
	}
	if (!standby_is_me())
		return 0;
	/*
	 * Open the files again in the standby, because the module reports a change only once for
	 * each open file.  The main process keeps the lock.
	 */
	close(e->lock_fd);
	close(e->progress_fd);
	close(e->control_fd);
	close(*shared);
	e->lock_fd = -1;
	return setup_files(e, shared, err);
}

/*
 * Returns when this process must serve the volumes.  In the main process, this is at once; in the
 * standby, when the main process has died.
 */
static int setup_all(struct erad *e, int *shared, struct err *err)
{
	int r;

	r = lock_instance(e, err);
	if (!r)
		r = setup_process(err);
	if (!r)
		r = setup_files(e, shared, err);
	if (r)
		return r;
	setup_shared(e);
	adopt_prepare();
	if (!e->no_standby)
		r = fork_standby(e, shared, err);
	if (!r)
		r = setup_threads(e, err);
	if (r)
		return r;
	if (standby_is_me()) {
		standby_wait();
		log_warn("erad has died; its standby serves the volumes until erad has been started again");
	} else if (standby_pid() && standby_await(err)) {
		log_warn("%s", err->msg);
	}
	failpoint(FAILPOINT_START_SET_UP);
	standby_relieve();
	/* From here on, new writes are held until erad has attached to their volumes. */
	if (reserve_return())
		log_warn("cannot start a thread that returns the reserve of memory");
	return 0;
}

static int run_erad(struct erad *e)
{
	bool all_ended;
	struct err err;
	int shared, r;

	r = setup_all(e, &shared, &err);
	if (r) {
		/*
		 * Let the standby of the previous erad go on, because this process has served no
		 * volume yet.
		 */
		standby_end();
		log_error("%s", err.msg);
		log_stop();
		return r;
	}
	/* From here on, if this process fails, its standby serves the volumes. */
	volumes_start(shared, e->progress_fd, adopt_wake);
	r = adopt_start(&err);
	if (r) {
		standby_stops();
		log_error("%s", err.msg);
		log_stop();
		return r;
	}
	if (!standby_is_me())
		attach_recover();
	r = setup_timers(e);
	if (r >= 0)
		r = sd_event_loop(e->event);
	if (r < 0)
		log_error("the main loop failed: %s", strerror(-r));

	/*
	 * Leave the targets live.  Writes to recorded blocks go on, and the next erad serves the
	 * first writes.
	 */
	sd_notify(0, "STOPPING=1");
	standby_stops();
	if (r >= 0)
		standby_end();
	adopt_stop();
	all_ended = volumes_stop(STOP_MS);
	if (e->socket_fd >= 0)
		all_ended &= socket_stop(e->socket_fd, standby_is_me() ? RELIEVED_MS : STOP_MS);
	if (!all_ended)
		log_warn("stopping while a volume thread or a request is still busy");
	log_stop();
	/* Call _exit(), because exit() would wait for threads that hang in I/O. */
	if (!all_ended)
		_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
	sd_event_source_unref(e->relist);
	sd_event_source_unref(e->relisten);
	sd_event_unref(e->event);
	return r;
}

int main(int argc, char **argv)
{
	struct erad e = { .lock_fd = -1, .control_fd = -1, .socket_fd = -1, .progress_fd = -1 };

	stdfds_open();
	log_open();
	if (parse_args(argc, argv, &e))
		return 2;
	return run_erad(&e) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
