/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The adopter: a thread that opens a volume for each live target without a volume.  There are such
 * targets after a restart of erad, and when somebody else has made a target.
 */
#ifndef ERAD_ADOPT_H
#define ERAD_ADOPT_H

#include "common/err.h"

/*
 * Reads the boot table for the adopter's first look.  Call this before writes of volumes wait for
 * this process, because a page of the boot table may be in swap space on a volume.  If the table
 * cannot be read, the adopter reads it later.
 */
void adopt_prepare(void);

/*
 * Starts the adopter, which looks at all targets at once.  In the standby, first opens the volumes
 * that the main process had open.  Call this after volumes_start().
 */
int adopt_start(struct err *err);

/* Makes the adopter look at all targets again.  Any thread may call this.  Does not wait. */
void adopt_wake(void);

/*
 * Tells the adopter to end.  Does not wait.  If the adopter is looking at targets now,
 * volumes_stop() keeps it from opening another volume.
 */
void adopt_stop(void);

#endif /* ERAD_ADOPT_H */
