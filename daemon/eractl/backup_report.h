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
 * Replaces the file at path by the report, in one step, durably.  Everybody may read the file.  If
 * the backup has failed, keeps the time of the last success from the old report.
 */
int backup_report_write(const char *path, const struct backup_report *r, struct err *err);

#endif /* ERACTL_BACKUP_REPORT_H */
