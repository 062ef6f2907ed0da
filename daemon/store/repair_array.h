/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Repairs the era array: marks the blocks of damaged sectors as written in the current era. */
#ifndef ERAD_REPAIR_ARRAY_H
#define ERAD_REPAIR_ARRAY_H

#include "store/repair_state.h"

/*
 * Reads the array.  Adds each damaged sector to r->bad, and each page that cannot be read to
 * r->unreadable.  If the array contains a newer era than r->era, raises r->era to this era, and
 * sets r->raised.
 */
int repair_scan_array(struct repair *r, struct err *err);

/*
 * Durably writes the sectors of r->bad anew, and reports this with repair_say().  If there is a
 * snapshot, first saves copies of the pages that change.
 */
int repair_array(struct repair *r, struct err *err);

#endif /* ERAD_REPAIR_ARRAY_H */
