/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Forgets volumes: removes them from eratab.
 *
 * May take long, and runs in the thread of the request.  The error sentences do not name the
 * volume: the caller adds its name.
 */
#ifndef ERAD_FORGET_H
#define ERAD_FORGET_H

#include "common/err.h"

/*
 * Removes the line of a closed volume from eratab.  Also removes the volume's metadata, on two
 * conditions: the metadata is the file that create makes by default, and no other line, open
 * volume or live target uses the file.  EINVAL: two lines name the volume.  *metadata is the
 * path of the metadata, or NULL if it is not known; the caller frees it.
 */
int op_forget(const char *name, char **metadata, struct err *err);

#endif /* ERAD_FORGET_H */
