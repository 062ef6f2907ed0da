/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the label that LVM writes to the beginning of a physical volume. */
#ifndef ERAD_PV_LABEL_H
#define ERAD_PV_LABEL_H

#include "common/err.h"

#define PV_UUID_SIZE	33	/* size of the UUID as text: 32 characters without dashes, and a 0 byte */

/*
 * Reads the UUID of the physical volume.  fd: its block device, which may be open with O_DIRECT;
 * waits as long as the device takes.  ENODATA: the device has no label of LVM.
 */
int pv_label_uuid(int fd, char uuid[PV_UUID_SIZE], struct err *err);

#endif /* ERAD_PV_LABEL_H */
