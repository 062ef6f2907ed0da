/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Adds a copy of a volume to a directory of backups: see manifest.h. */
#ifndef ERACTL_BACKUP_DIRECTORY_H
#define ERACTL_BACKUP_DIRECTORY_H

#include "eractl/backup.h"

/*
 * Makes the copy.  Removes old copies when the new copy is in MANIFEST, or is not needed.  The caller
 * ends the freeze, drops the image, and closes the content and the manifest, also after an error.
 */
int backup_to_directory(struct backup *b, const char *directory, struct err *err);

#endif /* ERACTL_BACKUP_DIRECTORY_H */
