/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that erad keeps, to return it to the kernel while it begins to serve volumes.
 *
 * Between two owners of a live target, new writes are held.  Where swap or dirty pages are on that
 * volume, the kernel cannot free memory meanwhile, and the few kilobytes that open() or
 * ATTACH take from the kernel may not be free: then the attach waits for memory, and the memory for
 * the attach.  Processes that use up memory soon wait for those writes, so the pages
 * that erad returns then are still free when erad needs one.
 */
#ifndef ERAD_RESERVE_H
#define ERAD_RESERVE_H

/* Before mlockall(): gets the memory.  0 or a negative errno. */
int reserve_setup(void);

/*
 * Returns the memory to the kernel, a part every 50 milliseconds, in a thread of its own, which needs no memory
 * for that.  Once, when the process begins to serve volumes.  0 or a negative errno: there is no thread.
 */
int reserve_return(void);

#endif /* ERAD_RESERVE_H */
