/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes back and freezes the file system on a mapped device.  Both wait for writes to the device, which
 * may hang, or wait for this erad.  So only a process of its own may call these functions, see
 * origin_reader.h.
 */
#ifndef ERAD_FS_SYNC_H
#define ERAD_FS_SYNC_H

#include <sys/types.h>

#include "common/err.h"

/*
 * Writes back the dirty pages of the file system that is mounted from the device, if there is one.  A
 * failure does no harm: a freeze writes back these pages, too, but makes new writes wait meanwhile.
 */
void fs_sync(dev_t dev);

/*
 * Puts the table that is loaded for the mapped device into use, while its file system is frozen.  After a
 * failure, the device has its old table.  If this process is killed, the kernel completes the call.
 */
int fs_swap_frozen(dev_t dev, struct err *err);

#endif /* ERAD_FS_SYNC_H */
