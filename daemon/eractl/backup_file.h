/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of a copy that eractl backup makes: it is written and flushed under another name first.
 */
#ifndef ERACTL_BACKUP_FILE_H
#define ERACTL_BACKUP_FILE_H

#include <stdio.h>

#include "common/err.h"
#include "eractl/manifest.h"

/*
 * Makes the file MANIFEST_UNFINISHED in the directory, has fill() write to it, and flushes it to
 * the medium.  Sets bytes and sha256 of the copy.  Returns the error of fill(), or of the file.
 * After an error, the file may exist.
 */
int backup_file_write(const struct manifest *m, int (*fill)(void *ctx, FILE *file, struct err *err), void *ctx,
		      struct backup_copy *copy, struct err *err);

/*
 * Gives the file its name, which is that of the copy, and adds the copy to MANIFEST.  From then on
 * the copy counts.
 */
int backup_file_publish(struct manifest *m, struct backup_copy *copy, struct err *err);

#endif /* ERACTL_BACKUP_FILE_H */
