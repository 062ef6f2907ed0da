// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * erad: sets up the process and its standby, runs the main loop, and stops.
 *
 * The order of the set-up matters.  From process_spare() on, an allocation does not wait for erad's
 * own volumes, so steps that need memory come later.  Steps that take long, may fail or need much
 * memory come before standby_relieve(), because until then the standby of the previous erad serves
 * the volumes.  READY=1 comes last, when erad has attached to the live targets again.  The standby
 * (standby.h) is forked before setup_threads().  The standby, too, calls setup_threads(), and takes
 * the later steps when the main process has died.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/dm_tables.h"
#include "common/failpoint.h"
#include "common/file_lock.h"
#include "common/protocol.h"
#include "common/stdfds.h"
#include "erad/base/log.h"
#include "erad/base/process.h"
#include "erad/base/reserve.h"
#include "erad/base/standby.h"
#include "erad/base/thread.h"
#include "erad/bpf/shown.h"
#include "erad/device/dm.h"
#include "erad/device/origin_reader.h"
#include "erad/loop.h"
#include "erad/module/control.h"
#include "erad/ops/attach.h"
#include "erad/ops/image_note.h"
#include "erad/ops/image_recover.h"
#include "erad/request/socket.h"
#include "erad/volume/adopt.h"
#include "erad/volume/registry.h"

/* Limit for closing the volumes, and also for ending the requests. */
#define STOP_MS		10000
/*
 * Limit for ending the requests in a standby.  Short, because the next erad waits for the standby.
 */
#define RELIEVED_MS	1000
#define THREADS_MAX	32		/* limit of the threads that are created in advance */

struct erad {
	struct loop loop;
	int lock_fd;
	bool no_writers, no_standby;
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

	e->loop.progress_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (e->loop.progress_fd < 0)
		return err_set(err, -errno, "cannot make an eventfd: %m");
	/*
	 * Open the control node twice.  LIST ends POLLIN of the file on which it is called, and
	 * only the main loop may end POLLIN of the file that it polls.
	 */
	r = control_open(&e->loop.control_fd, err);
	return r ? r : control_open(shared, err);
}

static int setup_threads(struct erad *e, struct err *err)
{
	uint32_t nr;
	int r;

	r = loop_setup(&e->loop);
	if (r < 0)
		return err_set(err, r, "cannot set up the main loop: %s", strerror(-r));
	r = log_start();
	/*
	 * Create these threads in advance, so that the first volumes need no new thread after
	 * standby_relieve().
	 */
	if (!r && !standby_is_me() && !control_count(e->loop.control_fd, &nr) && nr) {
		nr = thread_needed(nr);
		r = thread_reserve(nr < THREADS_MAX ? nr : THREADS_MAX);
	}
	return r ? err_set(err, r, "cannot start a thread: %s", strerror(-r)) : 0;
}

static int fork_standby(struct erad *e, int *shared, struct err *err)
{
	uint32_t nr = 0;

	if (control_count(e->loop.control_fd, &nr))
		log_warn("cannot list the targets, so the standby process does not know how many threads the volumes need, and creates them later");
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
	close(e->loop.progress_fd);
	close(e->loop.control_fd);
	close(*shared);
	e->lock_fd = -1;
	return setup_files(e, shared, err);
}

/*
 * Returns 0 when this process must serve the volumes: in the main process when its set-up has
 * ended, in the standby when the main process has died.  *shared receives the fd of the control
 * node for all threads.  Returns a negative errno if the set-up has failed.
 */
static int setup_all(struct erad *e, int *shared, struct err *err)
{
	int r;

	r = lock_instance(e, err);
	if (!r)
		r = process_spare(err);
	if (!r && origin_reader_start(err))
		log_warn("%s; erad waits for each origin that hangs", err->msg);
	if (!r)
		r = process_setup(err);
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
	/* From here on, first writes are held until erad has attached to their volumes. */
	if (reserve_return())
		log_warn("cannot start a thread that returns the reserve of memory");
	return 0;
}

/*
 * Logs which volumes are in use.  Call this when erad stops: from then on, first writes to these
 * volumes wait.  At a shutdown, no erad is started again.
 */
static void log_volumes_in_use(void)
{
	struct dm_device d;
	struct volume **all;
	size_t nr;

	if (volumes_all(&all, &nr))
		return;
	for (size_t i = 0; i < nr; i++) {
		const char *name = all[i]->name;
		dev_t dev = dm_tables_find(name);

		if (dev && !dm_tables_read(dev, &d, NULL)) {
			if (d.open_count)
				log_error("volume %s: erad stops while /dev/mapper/%s is in use, for example mounted; first writes wait until erad is started again, and are lost if this is a shutdown",
					  name, name);
			dm_tables_free(&d);
		}
		volume_unref(all[i]);
	}
	free(all);
}

static int run_erad(struct erad *e)
{
	bool all_ended;
	struct err err;
	int shared, r;

	r = setup_all(e, &shared, &err);
	if (r) {
		/*
		 * End only the standby that this process has started.  The standby of the previous
		 * erad, if there is one, continues to serve the volumes, because this process has
		 * not taken them over yet.
		 */
		standby_end();
		log_error("%s", err.msg);
		log_stop();
		return r;
	}
	/* From here on, if this process fails, its standby serves the volumes. */
	volumes_start(shared, e->loop.progress_fd, adopt_wake);
	r = adopt_start(&err);
	if (r) {
		standby_stops();
		log_error("%s", err.msg);
		log_stop();
		return r;
	}
	if (!standby_is_me()) {
		attach_recover();
		image_recover();
	}
	r = loop_start_timers(&e->loop);
	if (r >= 0)
		r = loop_run(&e->loop);
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
	if (r >= 0 && !standby_is_me())
		log_volumes_in_use();
	adopt_stop();
	all_ended = volumes_stop(STOP_MS);
	if (e->loop.socket_fd >= 0)
		all_ended &= socket_stop(e->loop.socket_fd, standby_is_me() ? RELIEVED_MS : STOP_MS);
	if (!all_ended)
		log_warn("stopping while a volume thread or a request is still busy");
	log_stop();
	if (!all_ended) {
		/*
		 * If a thread hangs in I/O, the process lives until the I/O ends.  Release the lock
		 * now, so that the next erad can serve the other volumes meanwhile.  The next erad cannot
		 * serve the volume of this thread: the target has an owner, and the metadata a lock.
		 */
		image_note_unlock_all();
		if (e->lock_fd >= 0)
			close(e->lock_fd);
		/* Call _exit(), because exit() would wait for the thread. */
		_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
	}
	loop_free(&e->loop);
	return r;
}

int main(int argc, char **argv)
{
	struct erad e = { .lock_fd = -1, .loop = { .control_fd = -1, .socket_fd = -1, .progress_fd = -1 } };

	stdfds_open();
	log_open();
	if (parse_args(argc, argv, &e))
		return 2;
	return run_erad(&e) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
