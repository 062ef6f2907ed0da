// SPDX-License-Identifier: GPL-2.0-or-later
/* Keeps the newest token of each volume in a file of its own: see seen.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/files.h"
#include "common/seen.h"
#include "common/uuid.h"

#define NEW_SUFFIX	".new"
#define WRITE_TRIES	3
#define NAME_SIZE	(UUID_TEXT_SIZE + sizeof(NEW_SUFFIX))

static int open_directory(const char *dir)
{
	const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int read_at(int dir, const uint8_t uuid[16], struct token *t)
{
	char name[UUID_TEXT_SIZE], text[TOKEN_TEXT_SIZE + 1];
	size_t len;
	int fd, r;

	/*
	 * With O_NONBLOCK, opening a FIFO does not wait for a writer.  With O_NOATIME, reading does
	 * not write to the file system, which may be on a volume.
	 */
	fd = openat(dir, uuid_text(uuid, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME | O_CLOEXEC);
	if (fd < 0 && errno == EPERM)	/* the file belongs to another user */
		fd = openat(dir, uuid_text(uuid, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = file_read_at(fd, text, sizeof(text) - 1, 0, &len);
	close(fd);
	if (r)
		return r;
	text[len] = 0;
	text[strcspn(text, "\n")] = 0;
	return token_from_text(text, t) && !memcmp(t->uuid, uuid, sizeof(t->uuid)) ? 0 : -EINVAL;
}

int seen_read(const char *dir, const uint8_t uuid[16], struct token *t)
{
	const int fd = open_directory(dir);
	int r;

	if (fd < 0)
		return fd;
	r = read_at(fd, uuid, t);
	close(fd);
	return r;
}

static int write_new(int dir, const char *name, const struct token *t)
{
	char text[TOKEN_TEXT_SIZE + 1];
	int fd, r;

	fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	token_text(t, text);
	strcat(text, "\n");
	r = file_write_at(fd, text, strlen(text), 0);
	if (close(fd) && !r)
		r = -errno;
	return r;
}

static int write_once(const char *dir, const struct token *t)
{
	char name[UUID_TEXT_SIZE], new_name[NAME_SIZE];
	struct token has;
	int fd, r;

	if (mkdir(dir, 0700) && errno != EEXIST)
		return -errno;
	fd = open_directory(dir);
	if (fd < 0)
		return fd;
	uuid_text(t->uuid, name);
	snprintf(new_name, sizeof(new_name), "%s" NEW_SUFFIX, name);
	/* Take the lock, so that a slow writer does not replace a newer token. */
	r = flock(fd, LOCK_EX) ? -errno : 0;
	if (!r && !read_at(fd, t->uuid, &has) && has.era >= t->era)
		goto out;
	if (!r)
		r = write_new(fd, new_name, t);
	if (!r && renameat(fd, new_name, fd, name))
		r = -errno;
	if (r)
		unlinkat(fd, new_name, 0);
out:
	close(fd);
	return r;
}

int seen_write(const char *dir, const struct token *t)
{
	int r = -ENOENT;

	/* Try again if seen_remove() has removed the directory during the attempt. */
	for (int i = 0; i < WRITE_TRIES && r == -ENOENT; i++)
		r = write_once(dir, t);
	return r;
}

int seen_remove(const char *dir, const uint8_t uuid[16])
{
	const int fd = open_directory(dir);
	char name[UUID_TEXT_SIZE];
	int r;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	r = unlinkat(fd, uuid_text(uuid, name), 0) && errno != ENOENT ? -errno : 0;
	close(fd);
	/* Removes the directory only if it is empty. */
	rmdir(dir);
	return r;
}
