// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the stream and notices signals: see receive_input.h. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "eractl/eractl.h"
#include "eractl/receive_input.h"

/* How long receive waits for the end of standard input before it prints a note. */
#define EOF_MS	3000

int receive_catch_signals(struct receive *rc, struct err *err)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction was;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		if (!sigaction(signals[i], NULL, &was) && was.sa_handler != SIG_IGN)
			sigaddset(&set, signals[i]);
	rc->signals = -1;
	if (!sigprocmask(SIG_BLOCK, &set, NULL))
		rc->signals = signalfd(-1, &set, SFD_CLOEXEC);
	return rc->signals < 0 ? err_set(err, -errno, "catching signals: %s", strerror(errno)) : 0;
}

int receive_interrupted(const struct receive *rc, struct err *err)
{
	struct pollfd p = { .fd = rc->signals, .events = POLLIN };

	return poll(&p, 1, 0) > 0 ? err_set(err, -EINTR, "%s: interrupted", rc->path) : 0;
}

/*
 * Waits until standard input or a signal can be read.  If the stream has ended and standard input
 * has not, prints once what receive is waiting for.  Returns as poll(2) does.
 */
static int wait_for_stdin(struct receive *rc, struct pollfd p[2])
{
	const bool tells = rc->in && stream_is_at_end(rc->in) && !rc->told_of_eof;
	int n = poll(p, 2, tells ? EOF_MS : -1);

	if (n)
		return n;
	rc->told_of_eof = true;
	complain("%s: the stream has ended, but standard input is still open: receive waits until each program that has the other end of the pipe open closes this end",
		 rc->path);
	return poll(p, 2, -1);
}

ssize_t receive_read(void *ctx, void *buf, size_t len)
{
	struct receive *rc = ctx;
	struct pollfd p[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = rc->signals, .events = POLLIN },
	};

	if (wait_for_stdin(rc, p) < 0)
		return -1;
	if (p[1].revents) {
		errno = ECANCELED;
		return -1;
	}
	return read(STDIN_FILENO, buf, len);
}
