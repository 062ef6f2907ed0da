// SPDX-License-Identifier: GPL-2.0-or-later
/* The main loop of erad: see loop.h. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/err.h"
#include "erad/base/log.h"
#include "erad/base/standby.h"
#include "erad/bpf/shown.h"
#include "erad/loop.h"
#include "erad/request/request.h"
#include "erad/request/socket.h"
#include "erad/volume/adopt.h"
#include "erad/volume/registry.h"

/* erad reports READY after this time, even if it has not attached to all live targets. */
#define READY_LATEST_MS	20000
/* Pause after a failed LIST, or a failed attempt to create the socket. */
#define AGAIN_MS	1000
/* If a write to the metadata takes longer than this, erad logs an error. */
#define STUCK_MS	20000

static int fire_again(sd_event_source *s)
{
	int r = sd_event_source_set_time_relative(s, AGAIN_MS * 1000ull);

	return r < 0 ? r : sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

/*
 * After a failed LIST, sets a timer to repeat it, because poll() may not report the same change
 * again.
 */
static int look_at_targets(struct loop *l)
{
	int r;

	r = volumes_changed(l->control_fd);
	if (!r) {
		adopt_wake();
		standby_needs_heap();
		return 0;
	}
	log_error("cannot list the targets: %s", strerror(-r));
	return fire_again(l->relist);
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

/*
 * Serves each connection in a thread, because a volume whose metadata hangs must not delay requests
 * for other volumes.
 */
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
	struct loop *l = data;

	(void)s;
	(void)si;
	return sd_event_exit(l->event, 0);
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
	log_warn("the standby has ended; if erad is killed now, first writes wait until erad has been started again");
	return 0;
}

/*
 * erad is ready only when it answers requests.  If the socket cannot be created, erad serves the
 * volumes without the socket, and tries again.
 */
static int listen_for_requests(struct loop *l)
{
	struct err err;
	int r;

	r = socket_listen(&l->socket_fd, &err);
	if (r) {
		if (!l->no_socket)
			log_error("%s; erad serves its volumes, but answers no requests until the socket exists", err.msg);
		l->no_socket = true;
		/*
		 * Extend the timeout.  Otherwise the service manager would kill erad, which serves
		 * the volumes, because erad is not ready in time.
		 */
		sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%llu\nSTATUS=%s", AGAIN_MS * 30000ull, err.msg);
		return fire_again(l->relisten);
	}
	r = sd_event_add_io(l->event, NULL, l->socket_fd, EPOLLIN, on_socket, l);
	if (r < 0)
		return r;
	if (socket_listen_guests(request_serve, &err))
		log_error("%s; erad answers the requests of root only", err.msg);
	log_info("version " ERAD_VERSION " is ready");
	return sd_notify(0, "READY=1\nSTATUS=");
}

static int on_relisten(sd_event_source *s, uint64_t usec, void *data)
{
	(void)s;
	(void)usec;
	return listen_for_requests(data);
}

static int become_ready(struct loop *l)
{
	l->ready = true;
	shown_sweep(volumes_have);
	return listen_for_requests(l);
}

static int on_progress(sd_event_source *s, int fd, uint32_t revents, void *data)
{
	struct loop *l = data;
	uint64_t count;

	(void)s;
	(void)revents;
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return -errno;
	return !l->ready && volumes_settled(NULL) ? become_ready(l) : 0;
}

static int on_ready_latest(sd_event_source *s, uint64_t usec, void *data)
{
	struct loop *l = data;
	struct err who;

	(void)s;
	(void)usec;
	if (l->ready)
		return 0;
	if (!volumes_settled(&who))
		log_warn("ready before all volumes are served: %s", who.msg);
	return become_ready(l);
}

static int on_watchdog(sd_event_source *s, uint64_t usec, void *data)
{
	struct loop *l = data;
	struct err who;

	/*
	 * Notify the watchdog even if a write to the metadata hangs.  SIGKILL would end the threads
	 * of all other volumes at once, but the process would live as long as the write hangs, with
	 * all files open.  So neither the standby nor another erad could serve the other volumes.
	 */
	sd_notify(0, "WATCHDOG=1");
	while (volumes_hang(STUCK_MS, &who))
		log_error("%s", who.msg);
	sd_event_source_set_time(s, usec + l->watchdog_usec);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static int add_timer(struct loop *l, uint64_t usec, sd_event_time_handler_t fn)
{
	uint64_t now;
	int r;

	r = sd_event_now(l->event, CLOCK_MONOTONIC, &now);
	return r < 0 ? r : sd_event_add_time(l->event, NULL, CLOCK_MONOTONIC, now + usec,
					     usec / 10, fn, l);
}

/* Adds a timer, which is off until fire_again(). */
static int add_retry(struct loop *l, sd_event_source **s, sd_event_time_handler_t fn)
{
	int r = sd_event_add_time(l->event, s, CLOCK_MONOTONIC, 0, 0, fn, l);

	return r < 0 ? r : sd_event_source_set_enabled(*s, SD_EVENT_OFF);
}

int loop_setup(struct loop *l)
{
	int r;

	r = sd_event_new(&l->event);
	if (r >= 0)
		r = sd_event_add_signal(l->event, NULL, SIGTERM, on_signal, l);
	if (r >= 0)
		r = sd_event_add_signal(l->event, NULL, SIGINT, on_signal, l);
	if (r >= 0)
		r = sd_event_add_io(l->event, NULL, l->control_fd, EPOLLIN, on_control, l);
	if (r >= 0)
		r = add_retry(l, &l->relist, on_relist);
	if (r >= 0)
		r = add_retry(l, &l->relisten, on_relisten);
	if (r >= 0)
		r = sd_event_add_io(l->event, NULL, l->progress_fd, EPOLLIN, on_progress, l);
	if (r >= 0 && standby_fd() >= 0)
		r = sd_event_add_io(l->event, NULL, standby_fd(), EPOLLIN, on_standby_end, l);
	return r;
}

int loop_start_timers(struct loop *l)
{
	int r;

	r = add_timer(l, READY_LATEST_MS * 1000ull, on_ready_latest);
	if (r >= 0 && sd_watchdog_enabled(0, &l->watchdog_usec) > 0) {
		l->watchdog_usec /= 4;
		r = add_timer(l, l->watchdog_usec, on_watchdog);
	}
	return r;
}

int loop_run(struct loop *l)
{
	return sd_event_loop(l->event);
}

void loop_free(struct loop *l)
{
	sd_event_source_unref(l->relist);
	sd_event_source_unref(l->relisten);
	sd_event_unref(l->event);
}
