/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps of a backup that are the same for each kind of target, in the order of their calls. */
#ifndef ERACTL_BACKUP_STEPS_H
#define ERACTL_BACKUP_STEPS_H

#include <stdint.h>

#include "eractl/backup.h"

/*
 * Makes the image, or prepares the freeze, if the user has requested the image or the freeze.
 * Opens the device that is to be copied, except with --freeze.  Then finds the moment of the copy,
 * and sets b->copy.token.
 */
int backup_prepare(struct backup *b, struct err *err);

/*
 * With --freeze, freezes the file system and opens the device.  From then on, little time may pass
 * until backup_end_reading().
 */
int backup_begin(struct backup *b, struct err *err);

/*
 * Lists the extents to copy, and sets b->copy.size.  If an increment is not possible, makes this copy
 * a full copy, and lists all of the volume.  size_before: size of the volume at the copy that is the
 * base, in bytes.
 */
int backup_list(struct backup *b, uint64_t size_before, struct err *err);

/*
 * Call this after the last read from the device.  Checks that nothing was written to the device
 * since it was opened, or that the image is still valid.  Then thaws the file system.
 */
int backup_end_reading(struct backup *b, struct err *err);

/*
 * Drops the image, if there is one.  Call this after the device was closed.  If this fails, only
 * prints the error, because the copy is good anyway.  May be called several times.
 */
void backup_end_image(struct backup *b);

#endif /* ERACTL_BACKUP_STEPS_H */
