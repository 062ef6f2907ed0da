/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that erad keeps, to return it to the kernel while erad begins to serve volumes.
 *
 * Between two owners of a live target, new writes are held.  If swap or dirty pages are on that
 * volume, the kernel cannot free memory meanwhile.  Then the few kilobytes that open() or ATTACH
 * take from the kernel may not be free: the attach would wait for memory, and the memory for the
 * attach.  Other processes that need memory soon wait for the held writes too.  So the pages that
 * erad returns are still free when erad itself needs one.
 */
#ifndef ERAD_RESERVE_H
#define ERAD_RESERVE_H

/* Gets the memory.  Call this before mlockall().  Returns 0 or a negative errno. */
int reserve_setup(void);

/*
 * Returns the memory to the kernel, a part every 50 milliseconds, in a thread of its own.  The
 * thread itself needs no memory.  Call this once, when the process begins to serve volumes.
 * Returns 0, or a negative errno if no thread could be created.
 */
int reserve_return(void);

#endif /* ERAD_RESERVE_H */
