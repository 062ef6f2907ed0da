/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts the loaded table of a mapped device into use, within a limit of time. */
#ifndef ERAD_TABLE_SWAP_H
#define ERAD_TABLE_SWAP_H

#include <stdint.h>

#include "common/dm_tables.h"
#include "common/err.h"

/*
 * As dm_tables_swap(), but waits at most `seconds` seconds for the I/O in flight, in a process of its
 * own, and takes no lock: if the device below hangs, other volumes do not wait.  If erad ends
 * meanwhile, the process goes on until it has swapped the tables or the time is over.
 *
 * ETIMEDOUT: the I/O has not ended.  The old table stays in use, and the inactive table is dropped.
 */
int table_swap(const struct dm_device *d, unsigned int seconds, uint64_t *us, struct err *err);

#endif /* ERAD_TABLE_SWAP_H */
