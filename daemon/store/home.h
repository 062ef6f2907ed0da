/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the metadata file is still at its path, and a new file for one that is deleted. */
#ifndef ERAD_STORE_HOME_H
#define ERAD_STORE_HOME_H

#include "store/store.h"

/*
 * 0 if the metadata is where it was opened, in full; also for a block device.  If the file is deleted and
 * nothing is in its place, writes a complete new file there, durably, and uses it from then on: 0,
 * and *rewritten is true.  Marks, eras and folds wait until the new file is complete.  Otherwise a sentence and a
 * negative errno, and nothing is changed.  An open for reading never writes.
 *
 * Any thread but the one that marks, because it may wait for a file system that hangs.
 */
int store_check_home(struct store *s, bool *rewritten, struct err *err);

#endif /* ERAD_STORE_HOME_H */
