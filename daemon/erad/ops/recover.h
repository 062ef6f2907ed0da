/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ends operations on volumes that were interrupted when an earlier erad was killed: looks at each
 * volume of eratab, and tries again until nothing is left.
 */
#ifndef ERAD_RECOVER_H
#define ERAD_RECOVER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/eratab.h"
#include "common/protocol.h"

/* One kind of operation that may have been interrupted. */
struct recovery {
	/*
	 * Ends the operation on the volume of this line.  Returns 0 if the operation is ended, and
	 * 1 if no operation was interrupted.  EALREADY: another thread works on the volume, so
	 * nobody knows whether an operation was interrupted.  Any other error: the operation cannot
	 * be ended now.
	 */
	int (*end)(const struct eratab_entry *e, struct err *err);
	const char *what;	/* the operations, for example "interrupted images" */
	const char *ended;	/* a sentence for the log after `end` has returned 0 */
	/* a sentence for the log after an error of `end`, which follows it */
	const char *failed;
};

/* Which errors were logged.  { 0 }: none. */
struct recovery_log {
	bool table;			/* eratab cannot be read */
	char (*volume)[ERAD_NAME_MAX + 1];	/* names of the volumes of which an error was logged */
	size_t nr;
};

/*
 * Looks once at all volumes.  Returns true if nothing is left.  Logs one error of each volume, and
 * adds the volume's name to *log.  EALREADY is no error, and is not logged.  The caller frees
 * log->volume.
 */
bool recover_once(const struct recovery *rec, struct recovery_log *log);

/*
 * Calls recover_once() every five seconds until nothing is left.  The reason of a failure may go away
 * by itself: for example, a program has the device open for a moment, or the root file system is
 * read-only while the machine boots.
 */
void recover_all(const struct recovery *rec);

#endif /* ERAD_RECOVER_H */
