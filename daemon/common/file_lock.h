/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Takes exclusive locks of flock(2), with a time limit.  A lock belongs to the open file: close() of
 * the last descriptor of the open file releases the lock, and so does the end of the process.  Any
 * thread may call these functions.
 */
#ifndef ERAD_FILE_LOCK_H
#define ERAD_FILE_LOCK_H

#include "common/err.h"

/*
 * Locks the file, directory or device that is open as fd.  Waits up to `seconds`; 0: does not wait.
 * name: how the sentence names the file.  EBUSY: another program has had the lock for all this time.
 */
int file_lock_fd(int fd, const char *name, unsigned int seconds, struct err *err);

/*
 * Opens the file or directory with the flags of open(2), and locks it as file_lock_fd() does.
 * O_CREAT makes a file that only its owner may read and write.  A program may remove its lock file
 * when it releases the lock, as LVM does.  A lock on a removed file locks nothing, so this function
 * then opens the path again.  Returns a descriptor, which the caller closes, or a negative errno.
 */
int file_lock(const char *path, int flags, unsigned int seconds, struct err *err);

#endif /* ERAD_FILE_LOCK_H */
