/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes damaged metadata usable again, without ever missing a write: if it is not known whether a
 * block was written, the block counts as written now.
 */
#ifndef ERAD_REPAIR_H
#define ERAD_REPAIR_H

#include "store/store.h"

struct store_repaired {
	uint64_t repairs;	/* number of calls of say */
	uint64_t over_marked;	/* limit of the blocks that have a newer era than before the damage */
	bool new_uuid;		/* both superblocks were lost, so the metadata has a new UUID */
};

/*
 * Repairs the metadata.  Calls say with a sentence for each repair.  *info gets the state after the
 * repair.  Writes nothing if there is nothing to repair.
 *
 *	what is damaged			what the repair does
 *	one superblock			writes it anew, also if it can be written but not read
 *	a sector of the era array	marks its blocks as written in the current era
 *	an unreadable page of it	the same, if the page can be written
 *	eras after the current one	the newest of them becomes the current era
 *	the journal			raises the floor: all blocks count as written in the current era
 *	an unreadable page of it	the same, in an era after any that the page may have begun
 *	the history			raises the floor, and logs a gap
 *	both superblocks		if they still tell the device: makes new metadata with a new UUID,
 *					in which all blocks count as written in the current era, because
 *					nothing else in the metadata is reliable
 *
 * A repair that was interrupted may be repeated, except the last one: after an interruption,
 * nothing can be opened.  EUCLEAN: the damage cannot be repaired.  EOVERFLOW, and nothing is
 * written: the counters are so close to their limits that the metadata could not be opened for
 * writing after the repair.  The engine belongs to this function, which ends it.
 */
int store_repair(struct engine *e, const uint8_t new_uuid[16],
		 void (*say)(void *ctx, const char *what), void *ctx,
		 struct store_repaired *out, struct store_info *info, struct err *err);

#endif /* ERAD_REPAIR_H */
