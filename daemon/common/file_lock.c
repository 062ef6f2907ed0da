// SPDX-License-Identifier: GPL-2.0-or-later
/* Takes exclusive locks of flock(2), with a time limit: see file_lock.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/file_lock.h"

#define TRIES_PER_S	20u
#define PAUSE_NS	(1000000000L / TRIES_PER_S)
#define MAX_REMOVED	100u

/* Locks the file if it is free.  Returns EWOULDBLOCK if another program holds the lock. */
static int try_lock(int fd)
{
	int r;

	do
		r = flock(fd, LOCK_EX | LOCK_NB) ? -errno : 0;
	while (r == -EINTR);
	return r;
}

static int lock_failed(int code, const char *name, unsigned int seconds, struct err *err)
{
	if (code != -EWOULDBLOCK)
		return err_set(err, code, "cannot lock %.200s: %s", name, strerror(-code));
	if (!seconds)
		return err_set(err, -EBUSY, "another program has locked %.200s ('lslocks' shows the program); try again when the program has ended",
			       name);
	return err_set(err, -EBUSY, "another program has locked %.200s for %u seconds ('lslocks' shows the program); try again when the program has ended",
		       name, seconds);
}

int file_lock_fd(int fd, const char *name, unsigned int seconds, struct err *err)
{
	int r;

	for (unsigned int tries = 0; (r = try_lock(fd)) == -EWOULDBLOCK && tries < seconds * TRIES_PER_S; tries++)
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
	return r ? lock_failed(r, name, seconds, err) : 0;
}

bool file_is_at(int fd, const char *path)
{
	struct stat mine, there;

	return !fstat(fd, &mine) && !stat(path, &there) && mine.st_ino == there.st_ino && mine.st_dev == there.st_dev;
}

/*
 * Open the path in each attempt.  A program that holds the lock may remove the file, and another
 * program may then create a new file.  A lock on a removed file protects nothing.  After a lock on
 * a removed file, make the next attempt at once, because the new file may be free.
 */
int file_lock(const char *path, int flags, unsigned int seconds, struct err *err)
{
	unsigned int busy = 0, removed = 0;
	int fd, r;

	for (;;) {
		fd = open(path, flags | O_CLOEXEC, 0600);
		if (fd < 0)
			return err_set(err, -errno, "cannot open %.200s: %m", path);
		r = try_lock(fd);
		if (!r && file_is_at(fd, path))
			return fd;
		close(fd);
		if (!r && ++removed < MAX_REMOVED)
			continue;
		if (!r)
			r = -EWOULDBLOCK;
		if (r != -EWOULDBLOCK || busy++ >= seconds * TRIES_PER_S)
			return lock_failed(r, path, seconds, err);
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
	}
}
