/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes back the dirty pages of a file system. */
#ifndef ERAD_FS_SYNC_H
#define ERAD_FS_SYNC_H

#include <sys/types.h>

/*
 * Calls syncfs() for the file system that is mounted from the device, if there is one.  Waits for the
 * writes, in a process of its own: see base/apart.h.  Ignores errors.
 */
void fs_sync(dev_t dev);

#endif /* ERAD_FS_SYNC_H */
