/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prepares the process for the block I/O path of its own volumes. */
#ifndef ERAD_PROCESS_H
#define ERAD_PROCESS_H

#include "common/err.h"

/*
 * Protects the process from the OOM killer, and makes it an I/O flusher.  From then on, an allocation
 * by this thread, by its new threads or by its child processes does not wait for erad's own volumes.
 */
int process_spare(struct err *err);

/*
 * Disables core dumps, allocates the heap, the stack of the main thread and the reserve
 * (reserve.h), and locks all memory.  From then on, an allocation within this heap does not wait
 * for memory.  Call this after process_spare(), and before the process has other threads.
 */
int process_setup(struct err *err);

#endif /* ERAD_PROCESS_H */
