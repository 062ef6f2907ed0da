/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks whether the metadata file is still at its path, and replaces a deleted file. */
#ifndef ERAD_STORE_HOME_H
#define ERAD_STORE_HOME_H

#include "store/store.h"

/*
 * Checks that the metadata is complete, and is still at the path where it was opened.  Returns 0 if
 * both are true, and always for a block device.
 *
 * If the file is deleted and there is no other file at the path, durably writes a complete new file
 * to the path, and uses the new file from then on.  Then sets *rewritten to true and returns 0.
 * Marks, eras and folds wait until the new file is complete.
 *
 * In all other cases, returns a negative errno with a message.  Then nothing has changed, with one
 * exception: if only the name of the new file could not be made durable, the store uses the new
 * file.  Never writes if the store was opened with STORE_READ.
 *
 * Any thread may call this, except the volume thread.  The call may wait for a file system that
 * hangs.
 */
int store_check_home(struct store *s, bool *rewritten, struct err *err);

#endif /* ERAD_STORE_HOME_H */
