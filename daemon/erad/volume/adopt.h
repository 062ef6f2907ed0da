/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The adopter: a thread that opens a volume for each target that lives without one, after erad was
 * restarted or when somebody else has made the target.
 */
#ifndef ERAD_ADOPT_H
#define ERAD_ADOPT_H

#include "common/err.h"

/*
 * Reads the boot table for the adopter's first look.  Called before the volumes' writes wait for this process: a
 * page of the boot table may have to come from a swap device that is a volume.  A table that cannot be read is
 * read again by the adopter.
 */
void adopt_prepare(void);

/*
 * After volumes_start(): opens, in the standby, the volumes that the main process had open, and starts the
 * adopter, which looks at all targets at once.
 */
int adopt_start(struct err *err);

/* Has the adopter look at all targets again.  Any thread; does not wait. */
void adopt_wake(void);

/* Has the adopter end; does not wait.  volumes_stop() keeps it from opening another volume meanwhile. */
void adopt_stop(void);

#endif /* ERAD_ADOPT_H */
