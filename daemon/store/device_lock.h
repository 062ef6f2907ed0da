/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks a block device, even if it is opened through different nodes.  A lock on an open file would
 * cover only one node.
 */
#ifndef ERAD_DEVICE_LOCK_H
#define ERAD_DEVICE_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"

/*
 * Locks the device: with exclusive true, against all other callers of this function; with exclusive
 * false, against exclusive callers only.  name: the device, for messages.  The lock is on a file in
 * /run/erad whose name contains the device number.  The device must stay open while it is locked,
 * so that no other device gets its number.  The caller closes *fd, which ends the lock.  If
 * exclusive is false and the file cannot be opened, returns 0 without a lock, and *fd is -1.
 * EBUSY: another caller holds the lock.
 */
int device_lock(dev_t dev, bool exclusive, const char *name, int *fd, struct err *err);

/*
 * Takes flock(LOCK_EX) on the open file or device fd.  Waits up to five seconds, because udev locks
 * a device for a short time while it examines the device.  EBUSY: the device is still locked after
 * this time.
 */
int device_flock(int fd, const char *name, struct err *err);

/*
 * Calls device_flock().  For a partition, also takes the lock on the partition's disk.  While these
 * locks are held, udev does not examine the device or the disk; see "Locking Block Device Access"
 * of systemd.  *disk_fd receives a descriptor that holds the lock on the disk, and that the caller
 * closes; -1: there is no disk to lock.
 */
int device_lock_udev(int fd, dev_t dev, const char *name, int *disk_fd, struct err *err);

#endif /* ERAD_DEVICE_LOCK_H */
