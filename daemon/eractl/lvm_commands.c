// SPDX-License-Identifier: GPL-2.0-or-later
/* Waits for the processes of the program lvm: see lvm_commands.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "common/jsonl.h"
#include "eractl/lvm_commands.h"

/*
 * Returns 1 if the process runs lvm, 0 if not, or a negative errno.  All commands of LVM are links to
 * this program.  After an upgrade of LVM, the kernel adds " (deleted)" to the path.
 */
static int runs_lvm(pid_t pid, struct err *err)
{
	char path[64], exe[PATH_MAX];
	const char *base;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	len = readlink(path, exe, sizeof(exe) - 1);
	/* The process has ended, or is a thread of the kernel. */
	if (len < 0 && (errno == ENOENT || errno == ESRCH))
		return 0;
	if (len < 0)
		return err_set(err, -errno, "cannot find out which program process %d runs: %m", pid);
	exe[len] = 0;
	base = strrchr(exe, '/');
	base = base ? base + 1 : exe;
	return !strcmp(base, "lvm") || !strcmp(base, "lvm (deleted)");
}

/* Copies the command line of the process to `line`, with a blank between the words. */
static void command_line(pid_t pid, char *line, size_t size)
{
	char path[64];
	ssize_t len = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, line, size - 1);
		close(fd);
	}
	line[len > 0 ? len : 0] = 0;
	for (ssize_t i = 0; i + 1 < len; i++)
		if (!line[i])
			line[i] = ' ';
	printable(line);
}

/*
 * Waits until the process has ended, or until the time `until` of jsonl_now_ms().  ETIMEDOUT: the
 * process still runs lvm at that time.
 */
static int wait_for(pid_t pid, long long until, struct err *err)
{
	struct pollfd p = { .fd = pidfd_open(pid, 0), .events = POLLIN };
	char line[128];
	long long now;
	int n, r;

	if (p.fd < 0)
		return errno == ESRCH ? 0 : err_set(err, -errno, "cannot wait for process %d: %m", pid);
	do {
		now = jsonl_now_ms();
		n = poll(&p, 1, now < until ? until - now : 0);
	} while (n < 0 && errno == EINTR);
	close(p.fd);
	r = n > 0 ? 0 : runs_lvm(pid, err);
	if (r <= 0)
		return r;
	command_line(pid, line, sizeof(line));
	return err_set(err, -ETIMEDOUT, "process %d still runs '%s', a command of LVM", pid, line);
}

/* Lists the processes that run lvm.  The caller frees *pids, also after an error. */
static int list(pid_t **pids, size_t *nr, struct err *err)
{
	struct dirent *d;
	pid_t *more, pid;
	DIR *proc;
	int r = 0;

	/* Without the file system proc, the list would be empty. */
	proc = access("/proc/self/exe", F_OK) ? NULL : opendir("/proc");
	if (!proc)
		return err_set(err, -errno, "cannot list the processes in /proc: %m");
	while (!r && (errno = 0, d = readdir(proc))) {
		pid = atoi(d->d_name);
		r = pid > 0 ? runs_lvm(pid, err) : 0;
		if (r <= 0)
			continue;
		r = 0;
		more = realloc(*pids, (*nr + 1) * sizeof(**pids));
		if (!more) {
			r = err_set(err, -ENOMEM, "out of memory");
			break;
		}
		*pids = more;
		more[(*nr)++] = pid;
	}
	if (!r && errno)
		r = err_set(err, -errno, "cannot list the processes in /proc: %m");
	closedir(proc);
	return r;
}

int lvm_commands_wait(unsigned int seconds, struct err *err)
{
	const long long until = jsonl_now_ms() + seconds * 1000ll;
	pid_t *pids = NULL;
	size_t nr = 0;
	int r;

	/* List all processes first: during the waits, new commands may start, which need no wait. */
	r = list(&pids, &nr, err);
	for (size_t i = 0; i < nr && !r; i++)
		r = wait_for(pids[i], until, err);
	free(pids);
	return r;
}
