/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads and writes files and block devices in full, at an offset, and makes names of files durable.
 */
#ifndef ERAD_FILES_H
#define ERAD_FILES_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/*
 * Reads until buf contains len bytes, or until the end of the file.  Sets *done to the number of
 * bytes that were read.  Returns 0 or a negative errno.  If this returns 0 and *done is less than
 * len, the file ends there.
 */
int file_read_at(int fd, void *buf, size_t len, uint64_t offset, size_t *done);

/*
 * Writes all len bytes.  Returns 0 or a negative errno.  EIO also means that the file takes no more
 * bytes.
 */
int file_write_at(int fd, const void *buf, size_t len, uint64_t offset);

/*
 * Makes the name of a file durable, after the file was created, or renamed within its directory.
 * Returns 0 or a negative errno.
 */
int file_sync_name(const char *path);

/*
 * Finds out whether the file system of a path takes writes: writes a page to a file without a name in
 * the directory of `path`, and makes the page durable.  If path is a directory, uses this directory.
 * There need not be a file at path, and no file is left.  If the file system has no files without a
 * name, only syncs the directory.  Waits as long as the file system takes.  Returns 0 or a negative
 * errno.
 */
int file_try_write(const char *path);

/*
 * Finds the file that a new file may replace.  real receives the path without symbolic links, so
 * that the caller replaces the file, and not a link to it.  If there is no file, real receives the
 * path as it is.  EINVAL: something other than a regular file exists, for example a device.
 * ENOENT: path is a symbolic link, and the file to which it leads does not exist.
 */
int file_find_replaceable(const char *path, char real[PATH_MAX], struct err *err);

/*
 * Replaces the file at `path` by a complete new file, in one step, and makes its content and its
 * name durable.  Check the path with file_find_replaceable() first, because rename() would also
 * replace a device.  fd: the new file; this function closes fd.  temporary: the current name of the
 * new file, in the same directory.
 *
 * If this fails before the rename, removes the new file.  If only the new name cannot be made
 * durable, also returns an error: `path` then leads to the new file, but after a crash it may lead
 * to the old file.
 */
int file_replace(int fd, const char *temporary, const char *path, struct err *err);

/*
 * Renames the file `from` to `to`.  Returns 0 or a negative errno.  EEXIST: there is a file or a
 * symbolic link at `to` already, and this function has not replaced it.
 */
int file_rename_new(const char *from, const char *to);

#endif /* ERAD_FILES_H */
