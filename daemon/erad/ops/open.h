/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening volumes, and finding those that are open.
 *
 * May take long and runs in the requester's thread.  Sentences do not name the volume: the caller does.
 */
#ifndef ERAD_OPEN_H
#define ERAD_OPEN_H

#include <stdbool.h>

#include "common/eratab.h"
#include "common/err.h"

struct volume;

/*
 * 0 too if it is open already and works.  *out is a reference, the caller's.  replaced: an origin that is another device than
 * the last time is taken, and all of it counts as written; without it, EXDEV.
 */
int op_open(const char *name, bool replaced, struct volume **out, struct err *err);

/* Opens a volume whose name the caller has claimed and that is in no registry; see op_open(). */
int open_claimed(const struct eratab_entry *e, bool replaced, struct volume **out, struct err *err);

/* An open volume, with a reference for the caller.  ENOTCONN: it is in the table, but closed.  ENOENT. */
int op_find(const char *name, struct volume **out, struct err *err);

#endif /* ERAD_OPEN_H */
