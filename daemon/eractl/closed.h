/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks that the device of a closed volume has not changed since the close. */
#ifndef ERACTL_CLOSED_H
#define ERACTL_CLOSED_H

#include "common/err.h"
#include "common/token.h"
#include "eractl/compared.h"

/*
 * Compares the device with the identity and the seal in the metadata.  Also compares the counter of
 * writes to the device, as an open does.  Reads up to SEAL_READ_MAX bytes of the device.  Sets *to
 * to the token of the metadata's era.  ESTALE: the device was written since the close, or is
 * another device; or another device on the origin may have written past the volume before the
 * close; or an open was refused because the origin was in use; or the metadata was put back from an
 * older copy.  EBUSY: the device or the metadata is in use.  ENODATA: the metadata has no seal, so
 * it is not known whether the device was written; or the metadata does not know the timeline of its
 * era.
 */
int closed_check(const char *metadata, const struct compared *device, struct token *to, struct err *err);

/*
 * Compares the content of the device with the seal in the metadata.  Also compares the counter of
 * writes to the device, as an open does.  Reads up to SEAL_READ_MAX bytes of the device.  The
 * device may be a snapshot of the volume's device.  ESTALE: the device was written since the close,
 * or is another device; or the device is not a snapshot, and the metadata was put back from an
 * older copy.  EBUSY: the metadata is in use.  ENODATA: the metadata has no seal.
 */
int closed_compare(const char *metadata, const struct compared *device, struct err *err);

#endif /* ERACTL_CLOSED_H */
