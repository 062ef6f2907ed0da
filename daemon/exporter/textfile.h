/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the metrics into a file, for the textfile collector of node_exporter. */
#ifndef EXPORTER_TEXTFILE_H
#define EXPORTER_TEXTFILE_H

#include "common/err.h"
#include "exporter/scrape.h"

/*
 * Replaces the file at path by the metrics, in one step.  If path is a symbolic link, replaces the
 * file to which it leads.  EINVAL: path is no regular file.  Everybody may read the new file.  On
 * failure, the old file stays.  One exception: if the reports of backups cannot be read, the new
 * file has the metrics of backups of the old file, and the call returns ETIMEDOUT.  If erad does not
 * answer, the call succeeds, the metrics say that erad is down, and `down` is the reason; otherwise
 * `down` is "".
 */
int textfile_write(const char *path, const struct scrape_from *from, struct err *down, struct err *err);

#endif /* EXPORTER_TEXTFILE_H */
