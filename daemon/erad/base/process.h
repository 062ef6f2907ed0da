/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prepares the process for the block I/O path of its own volumes. */
#ifndef ERAD_PROCESS_H
#define ERAD_PROCESS_H

#include "common/err.h"

/*
 * Protects the process from the OOM killer, reserves its heap and its stack, locks its memory, and
 * makes it an I/O flusher.  From then on, an allocation does not wait for erad's own volumes.  Call
 * this before the process has other threads.
 */
int process_setup(struct err *err);

#endif /* ERAD_PROCESS_H */
