/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Repairs damaged metadata without missing a write: if it is not known whether a block was written,
 * the block counts as written now.
 */
#ifndef ERAD_REPAIR_H
#define ERAD_REPAIR_H

#include "store/store.h"

struct store_repaired {
	uint64_t repairs;	/* number of repairs; `say` was called once for each */
	/* Upper limit of the number of blocks that have a newer era than before the damage. */
	uint64_t over_marked;
	bool new_uuid;		/* Both superblocks were lost, so the metadata has a new UUID. */
};

/*
 * Repairs the metadata.  Calls say with a sentence for each repair.  *info receives the state after
 * the repair.  Writes nothing if there is nothing to repair.
 *
 * what is damaged			what the repair does
 * one superblock			writes it anew, even if its page cannot be read
 * a sector of the era array	marks its blocks as written in the current era
 * an unreadable array page	marks its blocks in the same way, if the page can be written
 * eras after the current one	makes the newest of them the current era
 * the journal			raises the floor, and logs a gap; all blocks count as written in the
 *				current era
 * an unreadable journal page	raises the floor in the same way, in an era after any that the page
 *				may have begun
 * the history			raises the floor, and logs a gap
 * the degrade record		raises the floor, and logs a gap, because the record may have been
 *				in force
 * both superblocks		makes new metadata with a new UUID, if they still contain the
 *				geometry of the device; all blocks count as written in the current
 *				era, because no other part of the metadata is reliable
 *
 * A repair that was interrupted may be repeated, with one exception: if new metadata was being
 * made, nothing can be opened after the interruption.
 *
 * EUCLEAN: the damage cannot be repaired.  EOVERFLOW: the metadata could not be opened for writing
 * after the repair, for example because the counters are close to their limits; nothing was
 * written.
 *
 * Destroys the engine, also on failure.
 */
int store_repair(struct engine *e, const uint8_t new_uuid[16],
		 void (*say)(void *ctx, const char *what), void *ctx,
		 struct store_repaired *out, struct store_info *info, struct err *err);

#endif /* ERAD_REPAIR_H */
