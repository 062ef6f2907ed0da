/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Forgetting volumes.
 *
 * May take long and runs in the requester's thread.  Sentences do not name the volume: the caller does.
 */
#ifndef ERAD_FORGET_H
#define ERAD_FORGET_H

#include "common/err.h"

/*
 * Takes a closed volume out of the table and removes its metadata if that is
 * the file that create makes by default and no other line, open volume or live target has
 * it.  EINVAL if two lines name the volume.  *metadata, the path, is the caller's to free.
 */
int op_forget(const char *name, char **metadata, struct err *err);

#endif /* ERAD_FORGET_H */
