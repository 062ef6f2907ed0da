// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds the standbys of erad by their locks: see standby_lock.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/standby_lock.h"

struct flock standby_lock_of(off_t kind, uint32_t first, uint32_t nr)
{
	return (struct flock){
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = kind + first, .l_len = nr,
	};
}

bool standby_lock_find(int fd, off_t kind, uint32_t first, uint32_t nr, struct flock *l)
{
	*l = standby_lock_of(kind, first, nr);
	return !fcntl(fd, F_GETLK, l) && l->l_type != F_UNLCK;
}

/*
 * Returns whether a process has ended, or has been sent SIGTERM or SIGKILL and still holds its
 * locks.  SIGTERM stays pending as long as the process hangs or is stopped.  A killed process keeps
 * its locks while one of its threads waits for I/O.
 */
static bool is_to_end(pid_t pid)
{
	static const uint64_t ending = 1ull << (SIGTERM - 1) | 1ull << (SIGKILL - 1);
	char path[64], text[4096], *at;
	ssize_t n;
	int fd, e;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT;
	n = read(fd, text, sizeof(text) - 1);
	e = errno;
	close(fd);
	/* ESRCH: the process has ended since open(). */
	if (n < 0)
		return e == ESRCH;
	text[n] = 0;
	at = strstr(text, "\nState:\t");
	if (at && (at[8] == 'Z' || at[8] == 'X'))
		return true;
	at = strstr(text, "\nShdPnd:\t");
	return at && strtoull(at + 9, NULL, 16) & ending;
}

/* As standby_lock_going_on(), for the generations from `first` on. */
static pid_t going_on_from(int fd, uint32_t first, uint32_t end)
{
	uint32_t generation;
	struct flock l;
	pid_t before;

	/* A length of 0 would mean all bytes up to the end of the file. */
	while (first < end && standby_lock_find(fd, STANDBY_GOES_ON, first, end - first, &l)) {
		if (!is_to_end(l.l_pid))
			return l.l_pid;
		generation = l.l_start - STANDBY_GOES_ON;
		before = going_on_from(fd, first, generation);
		if (before)
			return before;
		first = generation + 1;
	}
	return 0;
}

pid_t standby_lock_going_on(int fd, uint32_t end)
{
	return going_on_from(fd, 0, end);
}
