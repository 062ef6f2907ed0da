/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The main loop: waits for signals, for changes of the targets, for connections, for the end of the
 * standby, and for the progress of the volumes.  Reports READY=1 when the socket answers, and erad
 * has attached to the live targets or has tried for 20 seconds.  Notifies the watchdog.
 */
#ifndef ERAD_LOOP_H
#define ERAD_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct loop {
	sd_event *event;
	/* The caller sets control_fd and progress_fd before loop_setup(), and socket_fd to -1. */
	int control_fd, socket_fd, progress_fd;
	sd_event_source *relist;	/* timer that repeats a failed LIST */
	/* Timer that repeats a failed attempt to create the socket. */
	sd_event_source *relisten;
	/* Interval of notifications to the watchdog.  0: there is no watchdog. */
	uint64_t watchdog_usec;
	bool ready;
	bool no_socket;			/* the log says that there is no socket */
};

/* Creates the loop, without timers.  Returns 0 or more, or a negative errno. */
int loop_setup(struct loop *l);

/*
 * Starts the timers of a process that serves the volumes.  Returns 0 or more, or a negative errno.
 */
int loop_start_timers(struct loop *l);

/* Runs until SIGTERM or SIGINT.  Returns 0, or a negative errno. */
int loop_run(struct loop *l);

void loop_free(struct loop *l);

#endif /* ERAD_LOOP_H */
