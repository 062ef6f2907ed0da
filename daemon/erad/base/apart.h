/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a function in a process of its own, for a system call that may wait for erad. */
#ifndef ERAD_APART_H
#define ERAD_APART_H

/*
 * Runs fn(arg) in a new process, and waits for its end.  Returns the result of fn, a negative errno
 * if no process could be created, or EIO if the process was killed in fn.
 *
 * After `seconds` seconds, a signal ends the system call for which fn waits, if the kernel allows
 * this, and the call fails with EINTR.  fn then undoes its changes, and returns.  Each second, a
 * further signal ends the system call for which fn waits at that time.  For a system call that no
 * signal ends, use device/origin_reader.h.
 *
 * The process shares the memory of erad, but not erad's open files.  So if erad is killed while fn
 * waits for a write, the kernel closes erad's files: the module notices the end of the owner, and
 * the next erad serves the write for which fn waits.  A thread of erad that waits would keep the
 * files open, and the next erad could neither start nor attach.
 *
 * fn may open files, and must not use the log or threads.  If erad is killed, fn goes on.
 */
int apart_run_within(unsigned int seconds, int (*fn)(void *arg), void *arg);

#endif /* ERAD_APART_H */
