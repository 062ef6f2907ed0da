/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks on a block device as such: a lock on an open file covers just the one node that was opened. */
#ifndef ERAD_DEVICE_LOCK_H
#define ERAD_DEVICE_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"

/*
 * Locks the device against everybody who calls this, by whatever node: a file in
 * /run/erad that is named after the device number.  *fd is the caller's; closing it
 * ends the lock; -1 if a reader without the right to that directory goes without.
 * The device must be open, so that its number stays its own.  EBUSY.
 */
int device_lock(dev_t dev, bool exclusive, const char *name, int *fd, struct err *err);

/*
 * Takes flock(LOCK_EX) on the device that is open as fd and, for a partition, on
 * its disk: udev then leaves both alone, see systemd's "Locking Block Device Access".
 * Waits up to five seconds for udev to finish, then EBUSY.  *disk_fd is the
 * caller's, or -1: it holds the lock on the disk; fd holds the other one.
 */
int device_lock_udev(int fd, dev_t dev, const char *name, int *disk_fd, struct err *err);

#endif /* ERAD_DEVICE_LOCK_H */
