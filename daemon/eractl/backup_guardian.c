// SPDX-License-Identifier: GPL-2.0-or-later
/* The process that drops the image of a backup in every case: see backup_guardian.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/jsonl.h"
#include "eractl/backup_guardian.h"

#define TRIES		5		/* how often the guardian tries to drop an image that is not there */
#define GUARD_MS	3600000		/* for how long the guardian tries to drop an image that is there */
#define PAUSE_S		3		/* pause between two tries, in seconds */
#define SOCKET		3		/* the descriptor of the guardian's socket */

/* A byte from the caller to the guardian: the caller has dropped the image, or has none. */
#define REQUEST_END	1

/*
 * Waits for REQUEST_END, or for the end of the caller.  If the caller has ended, drops the image.  A
 * later backup may have made another image of the volume meanwhile.  That image has another number,
 * and stays.
 */
static void guard(int socket, const struct backup_guarded *guarded)
{
	long long until;
	struct err err;
	char request;
	ssize_t n;

	do {
		n = recv(socket, &request, sizeof(request), 0);
	} while (n < 0 && errno == EINTR);
	if (n == sizeof(request))
		return;
	until = jsonl_now_ms() + GUARD_MS;
	for (int i = 0; guarded->drop(guarded->image, &err) && jsonl_now_ms() < until; i++) {
		if (i >= TRIES && !guarded->left(guarded->image))
			return;
		sleep(PAUSE_S);
	}
}

/*
 * Becomes the guardian.  Ignores signals to the caller's terminal, process group or service.  It has
 * its own name, so that "killall -KILL eractl" does not end it.
 */
static _Noreturn void become_guardian(int socket, const struct backup_guarded *guarded)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP };
	int null;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_NAME, "erad-guardian");
	setsid();
	/*
	 * Close all other files of the caller, so that the guardian keeps neither the lock of the
	 * directory nor a device.  Descriptors 0 to 2 stay open, for the programs of LVM.
	 */
	null = open("/dev/null", O_RDWR);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	socket = socket == SOCKET ? socket : dup2(socket, SOCKET);
	close_range(SOCKET + 1, ~0U, 0);
	if (socket >= 0) {
		fcntl(socket, F_SETFD, FD_CLOEXEC);
		guard(socket, guarded);
	}
	_exit(0);
}

int backup_guardian_start(struct backup_guardian *g, const struct backup_guarded *guarded, struct err *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return err_set(err, -errno, "cannot make a socket: %s", strerror(errno));
	g->pid = fork();
	if (!g->pid) {
		close(pair[0]);
		become_guardian(pair[1], guarded);
	}
	close(pair[1]);
	g->socket = pair[0];
	if (g->pid > 0)
		return 0;
	g->pid = 0;
	return err_set(err, -errno, "cannot start a process: %s", strerror(errno));
}

void backup_guardian_leave(struct backup_guardian *g)
{
	if (g->socket >= 0)
		close(g->socket);
	g->socket = -1;
	g->pid = 0;
}

void backup_guardian_end(struct backup_guardian *g)
{
	const char request = REQUEST_END;

	if (g->socket >= 0) {
		send(g->socket, &request, sizeof(request), MSG_NOSIGNAL);
		close(g->socket);
	}
	g->socket = -1;
	if (g->pid)
		waitpid(g->pid, NULL, 0);
	g->pid = 0;
}
