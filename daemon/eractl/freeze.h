/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Freezes the file system on a device for some time.  A guardian, which is a process of its own,
 * freezes and thaws the file system.  The kernel blocks new writers first, and then writes the dirty
 * data of the file system.  So the guardian writes the dirty data twice before the freeze, so that
 * writers are blocked for a short time only.  The first time is before the checkpoint, so that
 * these data belong to the era before the checkpoint.  The second time is just before the freeze.
 * The guardian thaws the file system in three cases:
 *
 * - The caller of freeze_begin() calls freeze_end().
 * - The process of the caller has ended, for any reason.
 * - The caller has not called freeze_alive() for FREEZE_SILENCE_S seconds, for example because it
 *   waits for a disk.
 */
#ifndef ERACTL_FREEZE_H
#define ERACTL_FREEZE_H

#include <stdbool.h>

#include "common/err.h"

#define FREEZE_SILENCE_S	30

struct freeze {
	int guardian;		/* socket of the guardian; -1: there is none */
	int root;		/* fd of the file system's root directory, if there is a guardian */
	bool frozen;		/* freeze_begin() has frozen the file system */
	/* freeze_end() has not waited for the thaw, so the file system may still be frozen. */
	bool left;
	/* When the freeze began, by jsonl_now_ms(): before the kernel blocked the first writer. */
	long long since_ms;
};

/*
 * Starts the guardian of the file system that is mounted from the device, and writes the dirty data
 * of the file system.  away: a list, with a NULL at the end, of paths that are used during the freeze;
 * paths that do not exist are ignored.  f->guardian must be -1.  Waits as long as the writes take, and
 * prints a note after 5 seconds.  The caller calls freeze_end() later, also without freeze_begin().
 * ENODEV: no file system of the device is mounted.  EDEADLK: a path of the list, or a file that is
 * standard output or error, is on this file system.
 */
int freeze_prepare(struct freeze *f, const char *device, const char *const *away, struct err *err);

/*
 * Freezes the file system after freeze_prepare().  Waits, and prints a note, as freeze_prepare() does.
 * EBUSY: the file system is frozen already.  EIO: the guardian was killed.  After an error, this
 * function has frozen nothing, or has thawed the file system, and there is no guardian.
 */
int freeze_begin(struct freeze *f, const char *device, struct err *err);

/*
 * Tells the guardian that the caller makes progress.  Never waits for the guardian.  Returns true if
 * the guardian runs, or if no guardian was started.  The guardian may have been killed, or may have
 * ended because the caller made no progress for FREEZE_SILENCE_S.  In these two cases, this
 * function thaws the file system, and returns false.
 */
bool freeze_alive(const struct freeze *f);

/*
 * Does what freeze_alive() does, for a caller that copies.  EIO: the file system was thawed, so the
 * copy does not count.
 */
int freeze_check(const struct freeze *f, struct err *err);

/*
 * Thaws the file system that freeze_begin() has frozen, and sets *ms to the time for which it was
 * frozen, in milliseconds.  If nothing is frozen, only ends the guardian if there is one, returns 0 and
 * does not set *ms.  ETIMEDOUT: the guardian has thawed the file system already, after
 * FREEZE_SILENCE_S.  EINVAL: somebody else has thawed the file system already.  If the thaw takes
 * more than 10 seconds, prints a note, sets f->left and returns 0, and the guardian goes on.
 */
int freeze_end(struct freeze *f, long long *ms, struct err *err);

#endif /* ERACTL_FREEZE_H */
