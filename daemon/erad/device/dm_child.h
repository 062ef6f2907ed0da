/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device-mapper calls in which the kernel may wait for I/O to a device, in children of the reader: see
 * origin_reader.h.  The kernel waits for writes in flight, for the write of a degrade record to the
 * metadata, and for another such call for the same device.  No signal ends the last two waits.
 *
 * These functions take no lock, and wait for a limited time.  So if a device hangs, other volumes do
 * not wait, and erad can be stopped.  If erad ends meanwhile, the children go on.
 */
#ifndef ERAD_DM_CHILD_H
#define ERAD_DM_CHILD_H

#include <stdint.h>

#include "common/dm_tables.h"
#include "common/err.h"

/*
 * As dm_tables_swap(), but waits at most `seconds` seconds for the I/O in flight, and then a few
 * seconds more for the answer of the child.
 *
 * ETIMEDOUT: the I/O has not ended.  EINPROGRESS: the new table may be in use, or may still come into
 * use, because the child has not answered and goes on, or because a child was killed or could not be
 * started in time.  After all other errors, the old table stays in use.  After all errors but
 * EINPROGRESS, the inactive table is dropped.
 */
int dm_child_swap_within(unsigned int seconds, const struct dm_device *d, uint64_t *us, struct err *err);

/* As dm_child_swap_within(), with a limit of 20 seconds.  A dm_swap_fn: see dm_tables.h. */
int dm_child_swap(const struct dm_device *d, uint64_t *us, struct err *err);

/*
 * As dm_tables_resume_old(), with the same limit.  EINTR: the kernel has waited until the limit.
 * ETIMEDOUT: the child has not answered, and may go on.
 */
int dm_child_resume_old(unsigned int seconds, dev_t dev, struct err *err);

/*
 * As dm_remove(), but waits at most `seconds` seconds.  ETIMEDOUT: the device is not removed yet, but
 * the removal may go on.  lower: what may hang below the device, for the message.
 */
int dm_child_remove_within(unsigned int seconds, const char *name, const char *lower, struct err *err);

/* As dm_child_remove_within() for the device of a volume, with a limit of 90 seconds. */
int dm_child_remove(const char *name, struct err *err);

#endif /* ERAD_DM_CHILD_H */
