/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Takes exclusive locks of flock(2), with a time limit.  A lock belongs to the open file.  It is
 * released when the last descriptor of the open file is closed, for example at the end of the
 * process.  Any thread may call these functions.
 */
#ifndef ERAD_FILE_LOCK_H
#define ERAD_FILE_LOCK_H

#include <stdbool.h>

#include "common/err.h"

/*
 * Locks the file, directory or device that is open as fd.  Waits up to `seconds`; 0: does not wait.
 * name: name of the file in messages.  EBUSY: another program held the lock for all this time.
 */
int file_lock_fd(int fd, const char *name, unsigned int seconds, struct err *err);

/* Returns whether the path leads to the open file, which is false after the file was removed. */
bool file_is_at(int fd, const char *path);

/*
 * Opens the file or directory with the flags of open(2), and locks it as file_lock_fd() does.  With
 * O_CREAT, creates a file that only its owner may read and write.  Returns a descriptor, which the
 * caller closes, or a negative errno.
 *
 * A program may remove its lock file when it releases the lock, as LVM does.  A lock on a removed
 * file protects nothing, so this function opens the path again if the file was removed.
 */
int file_lock(const char *path, int flags, unsigned int seconds, struct err *err);

#endif /* ERAD_FILE_LOCK_H */
