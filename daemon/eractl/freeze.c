// SPDX-License-Identifier: GPL-2.0-or-later
/* Freezes a file system, and thaws it in every case: see freeze.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/jsonl.h"
#include "common/octal.h"
#include "eractl/eractl.h"
#include "eractl/freeze.h"

#define THAW_WAIT_MS	10000
#define NOTE_MS		5000	/* after this time, the caller says what it waits for */

/*
 * The messages from the caller to the guardian, one byte each.  The guardian sends four answers:
 * when it has written the dirty data for the first time, just before it freezes the file system,
 * when it has frozen the file system, and when it has thawed the file system.
 */
enum request {
	REQUEST_FREEZE = 1,
	REQUEST_ALIVE,
	REQUEST_THAW,
};

struct answer {
	int error;		/* an errno; 0: success */
	long long since_ms;	/* when the freeze began, by jsonl_now_ms() */
};

/* ---- the guardian ---- */

/*
 * Waits for a message from the caller, or for the end of the caller.  Returns false if neither
 * comes within FREEZE_SILENCE_S seconds.
 */
static bool heard(int socket)
{
	struct pollfd p = { .fd = socket, .events = POLLIN };
	int r;

	do {
		r = poll(&p, 1, FREEZE_SILENCE_S * 1000);
	} while (r < 0 && errno == EINTR);
	return r;
}

/*
 * Freezes the file system on request, waits for one of the three cases in freeze.h, and thaws the
 * file system.  Uses no memory of the heap, and no open file except the socket and the root directory
 * of the file system, because any other use might wait for the frozen file system.
 */
static void guard(int socket, int root)
{
	struct answer a = { 0 };
	uint8_t request;

	/*
	 * FIFREEZE blocks new writers before it writes all dirty data.  So write the dirty data
	 * first.  Ignore errors: FIFREEZE writes the data again that could not be written.
	 */
	syncfs(root);
	send(socket, &a, sizeof(a), MSG_NOSIGNAL);
	if (recv(socket, &request, sizeof(request), 0) != sizeof(request) || request != REQUEST_FREEZE)
		return;
	syncfs(root);
	a.since_ms = jsonl_now_ms();
	send(socket, &a, sizeof(a), MSG_NOSIGNAL);
	a.error = ioctl(root, FIFREEZE, 0) ? errno : 0;
	send(socket, &a, sizeof(a), MSG_NOSIGNAL);
	if (a.error)
		return;
	while (!a.error) {
		if (!heard(socket))
			a.error = ETIMEDOUT;
		else if (recv(socket, &request, sizeof(request), 0) != sizeof(request) || request != REQUEST_ALIVE)
			break;
	}
	/* EINVAL: the file system is not frozen any more, because somebody else has thawed it. */
	if (ioctl(root, FITHAW, 0))
		a.error = errno;
	send(socket, &a, sizeof(a), MSG_NOSIGNAL);
}

/*
 * Becomes the guardian.  Ignores signals to the caller's terminal, process group or service.  Only
 * SIGKILL ends the guardian.  It has its own name, so that "killall -KILL eractl" does not end it.
 */
static _Noreturn void become_guardian(int socket, int root)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP };
	static const char never[] = "-1000";
	int fd;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_NAME, "erad-guardian");
	setsid();
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, never, sizeof(never) - 1) < 0)
		fd = -1;
	mlockall(MCL_CURRENT);
	/*
	 * Close the device and all other files, so that no other process waits for the guardian to
	 * close them.
	 */
	socket = dup2(socket, STDIN_FILENO);
	root = dup2(root, STDOUT_FILENO);
	close_range(STDERR_FILENO, ~0U, 0);
	if (socket >= 0 && root >= 0)
		guard(socket, root);
	_exit(0);
}

/* ---- the file system ---- */

/*
 * Opens the root directory of the mounted file system whose device number is dev.  Returns -1 if
 * there is none.
 */
static int open_root(dev_t dev)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	unsigned int major_nr, minor_nr;
	char *line = NULL, *path = NULL;
	struct stat st;
	size_t room = 0;
	int fd = -1;

	while (f && fd < 0 && getline(&line, &room, f) > 0) {
		if (sscanf(line, "%*s %*s %u:%u %*s %ms", &major_nr, &minor_nr, &path) == 3 &&
		    makedev(major_nr, minor_nr) == dev && octal_unescape(path)) {
			fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			/* Another file system may be mounted over this file system. */
			if (fd >= 0 && (fstat(fd, &st) || st.st_dev != dev)) {
				close(fd);
				fd = -1;
			}
		}
		free(path);
		path = NULL;
	}
	free(line);
	if (f)
		fclose(f);
	return fd;
}

static int check_apart(dev_t frozen, const char *device, const char *const *away, struct err *err)
{
	struct stat st;

	for (; *away; away++)
		if (!stat(*away, &st) && st.st_dev == frozen)
			return err_set(err, -EDEADLK, "%s: it is on the file system of %s, so this file system cannot be frozen; name a place on another file system", *away, device);
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
		if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_dev == frozen)
			return err_set(err, -EDEADLK, "the output is a file on the file system of %s, so this file system cannot be frozen; redirect the output to another file system", device);
	return 0;
}

/* Receives an answer of the guardian.  Returns false if the guardian has ended without this answer. */
static bool receive(const struct freeze *f, struct answer *a)
{
	ssize_t n;

	/*
	 * ECONNRESET: the guardian has ended, and has not read all messages.  The kernel reports this
	 * once, before the answers that the guardian has sent.
	 */
	do {
		n = recv(f->guardian, a, sizeof(*a), 0);
	} while (n < 0 && (errno == ECONNRESET || errno == EINTR));
	return n == sizeof(*a);
}

/*
 * Waits for an answer of the guardian.  what: what the guardian does, for a note that is printed after
 * NOTE_MS.
 */
static int await_answer(const struct freeze *f, const char *device, const char *what, struct answer *a, struct err *err)
{
	struct pollfd p = { .fd = f->guardian, .events = POLLIN };

	if (!poll(&p, 1, NOTE_MS))
		complain("%s: %s has taken %d seconds so far; the time depends on the dirty data in the page cache",
			 device, what, NOTE_MS / 1000);
	if (!receive(f, a))
		return err_set(err, -EIO, "%s: the process that freezes the file system has ended", device);
	return 0;
}

static int start_guardian(struct freeze *f, struct err *err)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return err_set(err, -errno, "cannot make a socket: %s", strerror(errno));
	pid = fork();
	if (!pid)
		become_guardian(pair[1], f->root);
	close(pair[1]);
	f->guardian = pair[0];
	return pid < 0 ? err_set(err, -errno, "cannot start a process: %s", strerror(errno)) : 0;
}

static void end_guardian(struct freeze *f)
{
	if (f->guardian >= 0)
		close(f->guardian);
	close(f->root);
	f->guardian = -1;
	f->frozen = false;
}

int freeze_prepare(struct freeze *f, const char *device, const char *const *away, struct err *err)
{
	const dev_t dev = blockdev_at(device);
	struct answer a;
	int r;

	f->root = open_root(dev);
	if (f->root < 0)
		return err_set(err, -ENODEV, "%s: no file system on it is mounted, at least none that can be frozen: leave out --freeze; if it has logical volumes, see BELOW THE VOLUME GROUP in erad-lvm(7)",
			       device);
	r = check_apart(dev, device, away, err);
	if (!r)
		r = start_guardian(f, err);
	if (!r)
		r = await_answer(f, device, "to write the dirty data of the file system", &a, err);
	if (r)
		end_guardian(f);
	return r;
}

/*
 * Thaws the file system in this process, because somebody has killed the guardian.  Returns 0 also
 * if the file system is not frozen.
 */
static int thaw_without_guardian(const struct freeze *f, struct err *err)
{
	if (ioctl(f->root, FITHAW, 0) && errno != EINVAL)
		return err_set(err, -errno, "cannot thaw the file system: %s", strerror(errno));
	return 0;
}

int freeze_begin(struct freeze *f, const char *device, struct err *err)
{
	const uint8_t request = REQUEST_FREEZE;
	struct answer a;
	struct err why;
	int r;

	send(f->guardian, &request, sizeof(request), MSG_NOSIGNAL);
	r = await_answer(f, device, "to write the latest dirty data of the file system", &a, err);
	if (r) {
		/*
		 * The guardian was killed before it froze the file system.  Do not thaw: if the file
		 * system is frozen, somebody else has frozen it.
		 */
		end_guardian(f);
		return r;
	}
	r = await_answer(f, device, "to freeze the file system", &a, err);
	if (r) {
		/*
		 * The guardian was killed while it froze the file system.  The kernel completes a
		 * freeze before the process ends, so the file system is frozen now.
		 */
		if (thaw_without_guardian(f, &why))
			err_suffix(err, "%s", why.msg);
	} else if (a.error) {
		r = err_set(err, -a.error, "%s: cannot freeze the file system: %s", device,
			    a.error == EBUSY ? "it is frozen already" : strerror(a.error));
	}
	if (r) {
		end_guardian(f);
		return r;
	}
	f->frozen = true;
	f->since_ms = a.since_ms;
	return 0;
}

bool freeze_alive(const struct freeze *f)
{
	const uint8_t request = REQUEST_ALIVE;

	/* If the socket is full, the guardian has enough messages, so ignore the error. */
	if (f->guardian < 0 || send(f->guardian, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 ||
	    (errno != EPIPE && errno != ECONNRESET))
		return true;
	/*
	 * Somebody has killed the guardian.  Thaw now, because nobody would thaw the file system if
	 * this process were killed, too.
	 */
	ioctl(f->root, FITHAW, 0);
	return false;
}

int freeze_check(const struct freeze *f, struct err *err)
{
	return freeze_alive(f) ? 0 :
		err_set(err, -EIO, "the process that keeps the file system frozen has ended before the copy was complete, so this copy does not count; run the command again");
}

int freeze_end(struct freeze *f, long long *ms, struct err *err)
{
	struct pollfd p = { .fd = f->guardian, .events = POLLIN };
	const uint8_t request = REQUEST_THAW;
	struct answer a;
	int r = 0;

	if (f->guardian < 0)
		return 0;
	if (!f->frozen) {
		end_guardian(f);
		return 0;
	}
	send(f->guardian, &request, sizeof(request), MSG_NOSIGNAL);
	f->left = !poll(&p, 1, THAW_WAIT_MS);
	if (f->left)
		complain("the file system may still be frozen, because a write to the volume waits, or the process that thaws the file system is stopped; 'fsfreeze -u' with its mount point thaws it, too");
	else if (!receive(f, &a))
		r = thaw_without_guardian(f, err);
	else if (a.error == ETIMEDOUT)
		r = err_set(err, -ETIMEDOUT, "the file system was thawed before the copy was complete, because nothing was copied for %d seconds",
			    FREEZE_SILENCE_S);
	else if (a.error)
		r = err_set(err, -a.error, "cannot thaw the file system: %s", strerror(a.error));
	*ms = jsonl_now_ms() - f->since_ms;
	end_guardian(f);
	return r;
}
