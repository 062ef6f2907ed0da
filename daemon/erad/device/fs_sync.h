/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes back and freezes the file system on a mapped device.  Both functions wait for writes to
 * the device.  These writes may hang, or may themselves wait for this erad.  So erad calls the
 * functions only in a child of the reader: see origin_reader.h.
 */
#ifndef ERAD_FS_SYNC_H
#define ERAD_FS_SYNC_H

#include <sys/types.h>

#include "common/err.h"

/*
 * Writes back the dirty pages of the file system that is mounted from the device, if there is one.
 * Ignores errors: a later freeze writes back these pages, too, but new writes wait during the
 * freeze.
 */
void fs_sync(dev_t dev);

/*
 * Puts the inactive table of the mapped device into use, while the file system on the device is
 * frozen.  After an error, the device has its old table, and the inactive table is dropped.  If the
 * calling process is killed, the kernel completes the call.
 */
int fs_swap_frozen(dev_t dev, struct err *err);

#endif /* ERAD_FS_SYNC_H */
