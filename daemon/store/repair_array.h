/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Repairs the era array: marks the blocks of damaged sectors as written in the current era. */
#ifndef ERAD_REPAIR_ARRAY_H
#define ERAD_REPAIR_ARRAY_H

#include "store/repair_state.h"

/*
 * Reads the array.  Adds each damaged sector to r->bad, and each page that cannot be read to
 * r->unreadable.  Raises r->era to the newest era in the array, and then sets r->raised.
 */
int repair_scan_array(struct repair *r, struct err *err);

/*
 * Writes the sectors of r->bad anew, durably, and says so.  If there is a snapshot, first saves
 * copies of the pages that change.
 */
int repair_array(struct repair *r, struct err *err);

#endif /* ERAD_REPAIR_ARRAY_H */
