// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads and writes files in full: see files.h. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/files.h"

int file_read_at(int fd, void *buf, size_t len, uint64_t offset, size_t *done)
{
	*done = 0;
	while (*done < len) {
		const ssize_t n = pread(fd, (char *)buf + *done, len - *done, offset + *done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		*done += n;
	}
	return 0;
}

int file_write_at(int fd, const void *buf, size_t len, uint64_t offset)
{
	size_t done = 0;

	while (done < len) {
		const ssize_t n = pwrite(fd, (const char *)buf + done, len - done, offset + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += n;
	}
	return 0;
}

int file_sync_name(const char *path)
{
	char copy[PATH_MAX];
	int fd, r;

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return -ENAMETOOLONG;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fsync(fd) ? -errno : 0;
	close(fd);
	return r;
}

/* Finds the directory of the file at path, or of its target if path is a symbolic link. */
static int find_directory(const char *path, char dir[PATH_MAX])
{
	struct stat st;
	char *slash;

	if (!realpath(path, dir)) {
		if (errno != ENOENT)
			return -errno;
		if (snprintf(dir, PATH_MAX, "%s", path) >= PATH_MAX)
			return -ENAMETOOLONG;
	} else if (!stat(dir, &st) && S_ISDIR(st.st_mode)) {
		return 0;
	}
	slash = strrchr(dir, '/');
	if (!slash)
		strcpy(dir, ".");
	else
		slash[slash == dir] = 0;
	return 0;
}

int file_try_write(const char *path)
{
	static const char page[4096];
	char dir[PATH_MAX];
	struct statfs fs;
	int fd, r;

	r = find_directory(path, dir);
	if (r)
		return r;
	fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (fd >= 0) {
		r = file_write_at(fd, page, sizeof(page), 0);
		if (!r && fdatasync(fd))
			r = -errno;
		close(fd);
		return r;
	}
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return -errno;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fstatfs(fd, &fs) || fsync(fd) ? -errno : 0;
	close(fd);
	return r;
}

int file_find_replaceable(const char *path, char real[PATH_MAX], struct err *err)
{
	struct stat st;

	if (stat(path, &st)) {
		if (errno != ENOENT)
			return err_set(err, -errno, "%.200s: %s", path, strerror(errno));
		if (!lstat(path, &st))
			return err_set(err, -ENOENT, "%.200s is a symbolic link, and the file to which it leads does not exist; remove the link, or name another file",
				       path);
		return snprintf(real, PATH_MAX, "%s", path) < PATH_MAX ? 0 : err_set(err, -ENAMETOOLONG, "%.200s: the path is too long", path);
	}
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "%.200s is no regular file; expected a regular file, or no file", path);
	return realpath(path, real) ? 0 : err_set(err, -errno, "%.200s: %s", path, strerror(errno));
}

int file_rename_new(const char *from, const char *to)
{
	if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
		return 0;
	/*
	 * Some file systems, for example NFS, do not support RENAME_NOREPLACE.  link() never
	 * replaces a file either.
	 */
	return errno != EINVAL || link(from, to) || unlink(from) ? -errno : 0;
}

int file_replace(int fd, const char *temporary, const char *path, struct err *err)
{
	int r = fsync(fd) ? -errno : 0;

	if (close(fd) && !r)
		r = -errno;
	if (!r && rename(temporary, path))
		r = -errno;
	if (r) {
		unlink(temporary);
		return err_set(err, r, "cannot replace %.200s: %s", path, strerror(-r));
	}
	r = file_sync_name(path);
	return r ? err_set(err, r, "cannot make the new %.200s durable: %s; a power cut may bring back the old one", path, strerror(-r)) : 0;
}
