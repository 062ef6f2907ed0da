/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opens volumes, and finds open ones.  This may take long, and runs in the thread of the request.
 * Error sentences do not name the volume: the caller adds its name.
 */
#ifndef ERAD_OPEN_H
#define ERAD_OPEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/eratab.h"
#include "common/err.h"

struct volume;

/* What the user accepts.  If a member is true and applies, all blocks count as written. */
struct open_choice {
	bool origin_replaced;	/* the origin may be another device than the last time */
	bool accept_gap;	/* writes may have gone past erad, even if eratab has gap=refuse */
};

/*
 * Opens a volume.  Returns 0 also if the volume is open already and works.  *out is a reference,
 * which the caller drops.  EXDEV: the origin is another device than last time.  Fails if writes
 * may have gone past erad, and eratab has gap=refuse.
 */
int op_open(const char *name, const struct open_choice *choice, struct volume **out, struct err *err);

enum open_way {
	OPEN_NEW,		/* make the device */
	OPEN_IN_PLACE,		/* use the device, which lies below logical volumes and has a linear table: see common/below.h */
};

/*
 * Opens a volume as op_open() does.  The registry has no volume of this name, and the caller has
 * claimed the name.  *us, unless us is NULL: for OPEN_IN_PLACE, how long writes waited for erad, in microseconds.
 */
int open_claimed(const struct eratab_entry *e, enum open_way way, const struct open_choice *choice, uint64_t *us,
		 struct volume **out, struct err *err);

/*
 * Returns an open volume, with a reference for the caller.  ENOTCONN: eratab has the volume, but it
 * is closed.  ENOENT: there is no such volume.
 */
int op_find(const char *name, struct volume **out, struct err *err);

#endif /* ERAD_OPEN_H */
