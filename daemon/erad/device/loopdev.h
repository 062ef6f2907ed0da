/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attaches files to loop devices, so that only one user writes to a file. */
#ifndef ERAD_LOOPDEV_H
#define ERAD_LOOPDEV_H

#include <sys/types.h>

#include "common/err.h"

/*
 * Locks the open file, by flock() and by a lock of the open file description on all bytes.  A loop
 * device keeps the open file description, so the locks last as long as the loop device uses the
 * file.  path: the name of the file, for err.  EBUSY: another program has locked the file, or a
 * loop device uses the file; err says which of the two.  Tries for two seconds before it returns
 * EBUSY, because udev may keep the last loop device of the file open for a moment.
 */
int loopdev_claim(int file, const char *path, struct err *err);

/*
 * Attaches the file to a free loop device, which is detached when nobody has it open any more.
 * Returns an open file of the loop device, which the caller closes, or a negative errno.  *dev
 * receives the number of the loop device.
 */
int loopdev_attach(int file, const char *path, dev_t *dev, struct err *err);

/*
 * path, dev: the node and the number of a block device.  Returns EBUSY if the device is a loop
 * device and another loop device has the same file; err names the other loop device.  Otherwise
 * returns 0, also if the device is no loop device.
 */
int loopdev_check_alone(dev_t dev, const char *path, struct err *err);

#endif /* ERAD_LOOPDEV_H */
