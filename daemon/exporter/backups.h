/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the results of the last backups as metrics. */
#ifndef EXPORTER_BACKUPS_H
#define EXPORTER_BACKUPS_H

#include <stdbool.h>
#include <stdio.h>

#define BACKUPS_DIR	"/var/lib/erad-backup"
#define BACKUPS_PREFIX	"erad_backup_"		/* the names of all metrics of backups begin with this text */

/*
 * Writes the metrics of each report DIRECTORY/NAME.json that eractl backup --report has written.
 * Leaves out files that are not reports, and values that are missing or impossible.  Writes nothing
 * if the directory does not exist.  Reads at most BACKUPS_MAX reports, in the order of their names.
 *
 * Waits at most BACKUPS_MS for the file system of the directory.  If the file system does not answer,
 * or if the directory cannot be read, writes the metrics of the last reports that were read, so that
 * an alert about an old backup still fires.  Call this with one directory only.
 */
void backups_print(FILE *f, const char *directory);

/*
 * Returns whether the file system of the directory has not answered for BACKUPS_MS, or the directory
 * could not be read.
 */
bool backups_are_old(void);

#define BACKUPS_MAX	1000u
#define BACKUPS_MS	3000

#endif /* EXPORTER_BACKUPS_H */
