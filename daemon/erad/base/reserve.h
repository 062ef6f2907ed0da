/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reserve of memory, which erad allocates at its start and returns to the kernel when it begins
 * to serve volumes.
 *
 * As long as no process owns a live target, first writes to the target are held.  If swap space is
 * on the target's device, or the target's device has dirty pages, the kernel can write these pages,
 * and free their memory, only after ATTACH.  If open() or ATTACH in erad needs this memory, this is
 * a deadlock.  The reserve breaks this deadlock.  erad returns the reserve in small parts over
 * several seconds, because other processes also take the free memory, and some memory must be free
 * whenever erad needs a page.
 */
#ifndef ERAD_RESERVE_H
#define ERAD_RESERVE_H

/* Allocates the memory.  Call this before mlockall().  Returns 0 or a negative errno. */
int reserve_setup(void);

/*
 * Starts a thread that returns the memory to the kernel, one part every 50 milliseconds.  The
 * thread needs no memory for this.  Call this once, when the process begins to serve volumes.
 * Returns 0, or a negative errno if the thread could not be created.
 */
int reserve_return(void);

#endif /* ERAD_RESERVE_H */
