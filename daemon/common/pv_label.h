/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the label that LVM writes to the beginning of a physical volume. */
#ifndef ERAD_PV_LABEL_H
#define ERAD_PV_LABEL_H

#include <stddef.h>

#include "common/err.h"

#define PV_UUID_SIZE	33	/* size of the UUID as text: 32 characters without dashes, and a 0 byte */
#define PV_SECTOR	512u
#define PV_LABEL_AREA	(4 * PV_SECTOR)	/* LVM looks for the label in the first four sectors */

/*
 * Finds the header of a physical volume, which follows the label.  start: the first `len` bytes of
 * the device.  Returns the position of the header, which begins with the UUID.  All 32 characters of
 * the UUID are in the same sector as the label.  Returns 0 if there is no label of LVM.
 */
size_t pv_label_find(const void *start, size_t len);

/*
 * Reads the UUID of the physical volume.  fd: its block device, which may be open with O_DIRECT;
 * waits as long as the device takes.  ENODATA: the device has no label of LVM.
 */
int pv_label_uuid(int fd, char uuid[PV_UUID_SIZE], struct err *err);

#endif /* ERAD_PV_LABEL_H */
