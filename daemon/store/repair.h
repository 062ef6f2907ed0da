/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes damaged metadata usable again, without ever missing a write: where it
 * is not known whether blocks were written, they count as written now.
 */
#ifndef ERAD_REPAIR_H
#define ERAD_REPAIR_H

#include "store/store.h"

struct store_repaired {
	uint64_t repairs;	/* sentences that were said */
	uint64_t over_marked;	/* blocks, at most, that have a newer era than before the damage */
	bool new_uuid;		/* both superblocks were lost */
};

/*
 * Writes nothing if there is nothing to repair; else calls say with a sentence
 * for each thing that was done.  In *info is what the metadata says after it.
 *
 *	what is damaged			what becomes of it
 *	one superblock			written anew, also if it cannot be read but written
 *	a sector of the era array	its blocks were written in the current era
 *	a page of it, unreadable	the same, where it can be written
 *	eras after the current one	the largest becomes the current one
 *	the journal			all blocks were written in the current era: the floor is raised
 *	a page of it, unreadable	the same, in an era later than any that it can have begun
 *	the history			all blocks were written in the current era: a gap is logged
 *	both superblocks		new metadata, if they still say for what device: the same,
 *					and new_uuid, as nobody's eras need be right
 *
 * Each step may be interrupted and begun again, but for the last: then nothing
 * is left that opens.  EUCLEAN for what cannot be repaired.  EOVERFLOW, and nothing is
 * written, where the counters are so close to their limits that the metadata could not be
 * opened for writing afterwards.  Takes the engine over.
 */
int store_repair(struct engine *e, const uint8_t new_uuid[16],
		 void (*say)(void *ctx, const char *what), void *ctx,
		 struct store_repaired *out, struct store_info *info, struct err *err);

#endif /* ERAD_REPAIR_H */
