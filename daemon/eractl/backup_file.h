/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes the file of a copy for eractl backup, first under the name of an unfinished file.
 */
#ifndef ERACTL_BACKUP_FILE_H
#define ERACTL_BACKUP_FILE_H

#include <stdio.h>

#include "common/err.h"
#include "eractl/manifest.h"

/*
 * Creates the file MANIFEST_UNFINISHED in the directory, calls fill() to write to the file, and
 * flushes it.  Sets bytes and sha256 of the copy.  Returns the error of fill(), or an error of the
 * file.  After an error, the file may exist.
 */
int backup_file_write(const struct manifest *m, int (*fill)(void *ctx, FILE *file, struct err *err), void *ctx,
		      struct backup_copy *copy, struct err *err);

/*
 * Sets copy->file, renames the unfinished file to this name, and adds the copy to MANIFEST.  From
 * then on the copy counts.
 */
int backup_file_publish(struct manifest *m, struct backup_copy *copy, struct err *err);

#endif /* ERACTL_BACKUP_FILE_H */
