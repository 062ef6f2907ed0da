/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks a block device, whichever node is opened.  A lock on an open file would cover only the node
 * that was opened.
 */
#ifndef ERAD_DEVICE_LOCK_H
#define ERAD_DEVICE_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"

/*
 * Locks the device against everybody else who calls this.  The lock is on a file in /run/erad that
 * is named after the device number.  *fd is the caller's; closing it ends the lock.  *fd is -1 if
 * this is a reader without the right to use that directory; it goes on without a lock.  The device
 * must be open, so that its number stays its own.  EBUSY: somebody else has the lock.
 */
int device_lock(dev_t dev, bool exclusive, const char *name, int *fd, struct err *err);

/*
 * Takes flock(LOCK_EX) on the device that is open as fd and, for a partition, on its disk.  Then
 * udev does not examine them; see systemd's "Locking Block Device Access".  Waits up to five
 * seconds for udev to finish, then returns EBUSY.  fd holds the lock on the device, and *disk_fd
 * the lock on the disk.  *disk_fd is the caller's, or -1.
 */
int device_lock_udev(int fd, dev_t dev, const char *name, int *disk_fd, struct err *err);

#endif /* ERAD_DEVICE_LOCK_H */
