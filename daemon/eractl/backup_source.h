/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device that backup and send read in place of an open volume: a snapshot of the volume. */
#ifndef ERACTL_BACKUP_SOURCE_H
#define ERACTL_BACKUP_SOURCE_H

#include "common/err.h"
#include "eractl/compared.h"

/*
 * Checks that the device can be a snapshot of the volume, which is open.  EINVAL: the device is the
 * volume itself or its origin, whose content changes while it is read.  EINVAL, too: the size of
 * the device is neither the size of the volume nor the size of the origin.  EEXIST: metadata of
 * erad is on the device.
 */
int backup_source_check(const char *volume, const struct compared *source, struct err *err);

#endif /* ERACTL_BACKUP_SOURCE_H */
