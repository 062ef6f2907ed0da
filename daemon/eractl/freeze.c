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

/*
 * The messages from the caller to the guardian, one byte each.  The guardian answers with an errno,
 * an int.
 */
enum request {
	REQUEST_ALIVE = 1,
	REQUEST_THAW,
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
 * Freezes the file system, waits for one of the three cases in freeze.h, and thaws the file system.
 * Uses no memory of the heap, and no open file except the socket and the root directory of the file
 * system, because any other use might wait for the frozen file system.
 */
static void guard(int socket, int root)
{
	int answer = ioctl(root, FIFREEZE, 0) ? errno : 0;
	uint8_t request;

	send(socket, &answer, sizeof(answer), MSG_NOSIGNAL);
	if (answer)
		return;
	while (!answer) {
		if (!heard(socket))
			answer = ETIMEDOUT;
		else if (recv(socket, &request, sizeof(request), 0) != sizeof(request) || request != REQUEST_ALIVE)
			break;
	}
	/* EINVAL: the file system is not frozen any more, because somebody else has thawed it. */
	if (ioctl(root, FITHAW, 0))
		answer = errno;
	send(socket, &answer, sizeof(answer), MSG_NOSIGNAL);
}

/*
 * Becomes the guardian.  Ignores signals to the caller's terminal, process group or service.  Only
 * SIGKILL ends the guardian.
 */
static _Noreturn void become_guardian(int socket, int root)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP };
	static const char never[] = "-1000";
	int fd;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
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

static int start_guardian(struct freeze *f, int root, const char *device, struct err *err)
{
	int pair[2], answer;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return err_set(err, -errno, "cannot make a socket: %s", strerror(errno));
	pid = fork();
	if (!pid)
		become_guardian(pair[1], root);
	close(pair[1]);
	f->guardian = pair[0];
	if (pid < 0)
		return err_set(err, -errno, "cannot start a process: %s", strerror(errno));
	if (recv(f->guardian, &answer, sizeof(answer), 0) != sizeof(answer))
		return err_set(err, -EIO, "%s: the process that freezes the file system has ended", device);
	if (answer)
		return err_set(err, -answer, "%s: cannot freeze the file system: %s", device,
			       answer == EBUSY ? "it is frozen already" : strerror(answer));
	f->since_ms = jsonl_now_ms();
	return 0;
}

int freeze_begin(struct freeze *f, const char *device, const char *const *away, struct err *err)
{
	const dev_t dev = blockdev_at(device);
	const int root = open_root(dev);
	int r;

	if (root < 0)
		return err_set(err, -ENODEV, "%s: no file system on it is mounted, at least none that can be frozen: leave out --freeze", device);
	r = check_apart(dev, device, away, err);
	if (!r)
		r = start_guardian(f, root, device, err);
	if (r && f->guardian >= 0) {
		close(f->guardian);
		f->guardian = -1;
	}
	if (!r)
		f->root = root;
	else
		close(root);
	return r;
}

void freeze_alive(const struct freeze *f)
{
	const uint8_t request = REQUEST_ALIVE;

	/* If the socket is full, the guardian has enough messages, so ignore the error. */
	if (f->guardian < 0 || send(f->guardian, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return;
	/*
	 * Somebody has killed the guardian.  Thaw now, because nobody would thaw the file system if
	 * this process were killed, too.
	 */
	if (errno == EPIPE || errno == ECONNRESET)
		ioctl(f->root, FITHAW, 0);
}

/* Thaws the file system in this process, because somebody has killed the guardian. */
static int thaw_without_guardian(const struct freeze *f, struct err *err)
{
	if (ioctl(f->root, FITHAW, 0) && errno != EINVAL)
		return err_set(err, -errno, "cannot thaw the file system: %s", strerror(errno));
	return 0;
}

int freeze_end(struct freeze *f, long long *ms, struct err *err)
{
	struct pollfd p = { .fd = f->guardian, .events = POLLIN };
	const uint8_t request = REQUEST_THAW;
	int answer, r = 0;

	if (f->guardian < 0)
		return 0;
	send(f->guardian, &request, sizeof(request), MSG_NOSIGNAL);
	if (!poll(&p, 1, THAW_WAIT_MS))
		complain("the file system may still be frozen, because a write to the volume waits, or the process that thaws the file system is stopped; 'fsfreeze -u' with its mount point thaws it, too");
	else if (recv(f->guardian, &answer, sizeof(answer), 0) != sizeof(answer))
		r = thaw_without_guardian(f, err);
	else if (answer == ETIMEDOUT)
		r = err_set(err, -ETIMEDOUT, "the file system was thawed before the copy was complete, because nothing was copied for %d seconds",
			    FREEZE_SILENCE_S);
	else if (answer)
		r = err_set(err, -answer, "cannot thaw the file system: %s", strerror(answer));
	*ms = jsonl_now_ms() - f->since_ms;
	close(f->guardian);
	close(f->root);
	f->guardian = -1;
	return r;
}
