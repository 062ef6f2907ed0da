/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opens volumes, and finds open volumes.  These functions may take long, and run in the thread of
 * the request.  Error messages do not name the volume, because the caller adds its name.
 */
#ifndef ERAD_OPEN_H
#define ERAD_OPEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/eratab.h"
#include "common/err.h"

struct volume;

/*
 * What the user accepts.  If a member is true and its case is found, all blocks count as written.
 */
struct open_choice {
	bool origin_replaced;	/* the origin may be another device than at the last open */
	bool accept_gap;	/* writes may have gone past erad, even if eratab has gap=refuse */
};

/*
 * Opens a volume.  Also returns 0 if the volume is open already and works.  *out is a reference,
 * which the caller drops.  EXDEV: the origin is another device than at the last open.  Fails if
 * writes may have gone past erad and eratab has gap=refuse.
 */
int op_open(const char *name, const struct open_choice *choice, struct volume **out, struct err *err);

enum open_way {
	OPEN_NEW,		/* make the device */
	/*
	 * Use the existing device, which lies below logical volumes and has a linear table: see
	 * common/below.h.
	 */
	OPEN_IN_PLACE,
};

/*
 * Opens a volume as op_open() does.  The caller must have claimed the name, and the registry must
 * not contain a volume of this name.  us may be NULL.  For OPEN_IN_PLACE, *us receives the time for
 * which writes waited for erad, in microseconds.
 */
int open_claimed(const struct eratab_entry *e, enum open_way way, const struct open_choice *choice, uint64_t *us,
		 struct volume **out, struct err *err);

/*
 * Returns an open volume, with a reference for the caller.  ENOTCONN: eratab lists the volume, but
 * the volume is closed.  ENOENT: there is no such volume.
 */
int op_find(const char *name, struct volume **out, struct err *err);

#endif /* ERAD_OPEN_H */
