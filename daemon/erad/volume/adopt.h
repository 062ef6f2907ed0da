/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The adopter: a thread that opens a volume for each live target that has no volume.  A live target
 * has no volume after a restart of erad, or if another program has made the target.
 */
#ifndef ERAD_ADOPT_H
#define ERAD_ADOPT_H

#include "common/err.h"

/*
 * Reads eratab for the adopter's first look.  Call this before writes of volumes wait for this
 * process.  Later, the read may need memory, which the kernel may only free by a write to a volume,
 * and this write would wait for erad itself.  If eratab cannot be read, the adopter reads it later.
 */
void adopt_prepare(void);

/*
 * Starts the adopter, whose first look at all targets begins immediately.  In the standby, first
 * opens the volumes that the main process had open.  Call this after volumes_start().
 */
int adopt_start(struct err *err);

/* Makes the adopter look at all targets again.  Any thread may call this.  Does not wait. */
void adopt_wake(void);

/*
 * Tells the adopter to end.  Does not wait for the end.  If the adopter is opening volumes at this
 * moment, volumes_stop() ends these volumes.
 */
void adopt_stop(void);

#endif /* ERAD_ADOPT_H */
