/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opens volumes, and finds open ones.  May take long, and runs in the thread of the request.  The
 * error sentences do not name the volume: the caller adds its name.
 */
#ifndef ERAD_OPEN_H
#define ERAD_OPEN_H

#include <stdbool.h>

#include "common/eratab.h"
#include "common/err.h"

struct volume;

/*
 * Opens a volume.  Returns 0 also if the volume is open already and works.  *out is a reference,
 * which the caller drops.  EXDEV: the origin is another device than the last time.  With
 * `replaced`, such an origin is accepted, and all of its blocks count as written.
 */
int op_open(const char *name, bool replaced, struct volume **out, struct err *err);

/* As op_open(), for a volume that is not in the registry and whose name the caller has claimed. */
int open_claimed(const struct eratab_entry *e, bool replaced, struct volume **out, struct err *err);

/*
 * Returns an open volume, with a reference for the caller.  ENOTCONN: eratab has the volume, but it
 * is closed.  ENOENT: there is no such volume.
 */
int op_find(const char *name, struct volume **out, struct err *err);

#endif /* ERAD_OPEN_H */
