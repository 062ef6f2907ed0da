/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file in which eractl backup notes its result, for erad-exporter. */
#ifndef ERACTL_BACKUP_REPORT_H
#define ERACTL_BACKUP_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct backup_report {
	const char *volume, *directory;
	const char *error;	/* the error, or NULL */
	/*
	 * There is a new good copy, or no new copy was needed.  Also true if only the removal of
	 * old copies has failed.
	 */
	bool made;
	bool full;		/* the copy is a full one */
	uint64_t bytes;		/* number of bytes of the volume that were copied */
	double seconds;		/* how long the backup took */
};

/*
 * Checks that a report may be written to path: there is a regular file, or a symbolic link to one,
 * or no file.  The caller calls this before the backup begins.  EINVAL: the file is no regular file,
 * so the command line is wrong.  The cause of any other error may be gone at the end of the backup.
 */
int backup_report_check(const char *path, struct err *err);

/*
 * Replaces the file at path by the report, in one step, durably.  If path is a symbolic link,
 * replaces the file to which it leads.  Everybody may read the file.  Fails as
 * backup_report_check() does.  If the backup has failed, copies the time of the last success from
 * the old report.
 */
int backup_report_write(const char *path, const struct backup_report *r, struct err *err);

#endif /* ERACTL_BACKUP_REPORT_H */
