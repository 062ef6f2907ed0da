/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks whether the metadata file is still at its path, and replaces a deleted one. */
#ifndef ERAD_STORE_HOME_H
#define ERAD_STORE_HOME_H

#include "store/store.h"

/*
 * Returns 0 if the metadata is where it was opened, and complete; also for a block device.  If the
 * file is deleted and nothing is in its place, durably writes a complete new file there, and uses
 * it from then on: returns 0, and *rewritten becomes true.  Marks, eras and folds wait until the
 * new file is complete.  Otherwise returns a negative errno with a sentence, and nothing has
 * changed.  A store that was opened with STORE_READ never writes.  Any thread may call this except
 * the one that marks, because this may wait for a file system that hangs.
 */
int store_check_home(struct store *s, bool *rewritten, struct err *err);

#endif /* ERAD_STORE_HOME_H */
