/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads and writes files and block devices in full, at an offset, and makes names of files durable. */
#ifndef ERAD_FILES_H
#define ERAD_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/*
 * Reads until buf has len bytes, or until the end of the file.  *done receives the number of bytes
 * that were read.  Returns 0 or a negative errno.  If *done is less than len after a 0, the file ends
 * there.
 */
int file_read_at(int fd, void *buf, size_t len, uint64_t offset, size_t *done);

/* Writes all len bytes.  Returns 0 or a negative errno; EIO also if the file takes no more bytes. */
int file_write_at(int fd, const void *buf, size_t len, uint64_t offset);

/*
 * Makes the name of a file durable, after the file was created in, or renamed within, its
 * directory.  Returns 0 or a negative errno.
 */
int file_sync_name(const char *path);

/*
 * Gives the complete new file, which is open as fd, the name `path`, and makes its content and its
 * name durable.  A file that has this name already is replaced in one step.  temporary: the name of
 * the new file so far, in the same directory.  Closes fd.  If this fails before `path` has changed,
 * removes the new file.  If only the new name cannot be made durable, `path` leads to the new file,
 * but may lead to the old file after a crash; this is an error, too.
 */
int file_replace(int fd, const char *temporary, const char *path, struct err *err);

#endif /* ERAD_FILES_H */
