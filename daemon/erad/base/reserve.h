/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that erad keeps, and returns to the kernel when it begins to serve volumes.  While no
 * process owns a live target, new writes are held.  If swap or dirty pages are on such a volume,
 * the kernel cannot free memory.  Then the few kilobytes that open() or ATTACH needs may not be
 * free: the attach would wait for memory, and the memory for the attach.  Soon, other processes
 * that need memory wait for the held writes, too.  So the pages that erad returns are still free
 * when erad itself needs one.
 */
#ifndef ERAD_RESERVE_H
#define ERAD_RESERVE_H

/* Allocates the memory.  Call this before mlockall().  Returns 0 or a negative errno. */
int reserve_setup(void);

/*
 * Starts a thread that gives the memory back to the kernel, one part every 50 milliseconds.  The
 * thread needs no memory for this.  Call this once, when the process begins to serve volumes.
 * Returns 0, or a negative errno if the thread could not be created.
 */
int reserve_return(void);

#endif /* ERAD_RESERVE_H */
