/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls a function in a child process, so that eractl does not wait for a file system or a device
 * that hangs.
 */
#ifndef ERACTL_CHILD_H
#define ERACTL_CHILD_H

#define CHILD_MS	1000	/* limit of the wait of child_call() for the child process */

/*
 * Calls fn(arg) in a child process, and returns its result, which is 0 or a negative errno down to
 * -255.  ETIMEDOUT: the child process has not ended within CHILD_MS, and goes on.  The child
 * process closes eractl's files and output, and changes its current directory.  So a child process
 * that hangs keeps no file system of eractl's files in use.
 *
 * lock: name of a lock file in ERAD_RUN_DIR, which the child process removes, or NULL.  At most one
 * child process with the same lock goes on while a file system or a device hangs.  EBUSY: another
 * child process held the lock for a second.
 */
int child_call(const char *lock, int (*fn)(const void *arg), const void *arg);

/* As child_call() without a lock, but waits up to ms milliseconds. */
int child_call_within(unsigned int ms, int (*fn)(const void *arg), const void *arg);

#endif /* ERACTL_CHILD_H */
