/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the results of the last backups as metrics. */
#ifndef EXPORTER_BACKUPS_H
#define EXPORTER_BACKUPS_H

#include <stdio.h>

#define BACKUPS_DIR	"/var/lib/erad-backup"

/*
 * Writes the metrics of each report DIRECTORY/NAME.json, which eractl backup --report has written.
 * Leaves out a file that is no report, and a value that is missing or impossible.  Writes nothing if
 * there is no directory.  Reads BACKUPS_MAX reports at most, in the order of their names.
 */
void backups_print(FILE *f, const char *directory);

#define BACKUPS_MAX	1000u

#endif /* EXPORTER_BACKUPS_H */
