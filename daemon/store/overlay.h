/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The marks of the journal that the era array does not have yet: sets of blocks, by era.  Nothing
 * here locks or does I/O.
 */
#ifndef ERAD_OVERLAY_H
#define ERAD_OVERLAY_H

#include <stddef.h>
#include <stdint.h>

#include "store/bitset.h"

struct overlay_era {
	struct overlay_era *older;
	uint32_t era;
	struct bitset blocks;
};

/* An era and its set take their memory from the pool: one node for the era, the others for the set. */
struct overlay {
	struct overlay_era *newest;
	uint64_t nr_blocks;
	struct nodes *pool;
};

/*
 * Returns the most nodes that adding one run takes: 2 for each level of the tree.  The tree has at
 * most 6 levels, because a device has at most 2^52 blocks.
 */
size_t overlay_needs(const struct overlay *o);

/*
 * Adds runs, from the first on, as long as the pool has overlay_needs() nodes.  Returns the number
 * of runs that were added; a run is added in full or not at all.  Eras must be added in ascending
 * order.
 */
unsigned int overlay_add(struct overlay *o, uint32_t era, const struct run *runs, unsigned int nr);

/* Adds all runs, and fills the pool from the heap meanwhile.  ENOMEM: some runs may have been added. */
int overlay_add_all(struct overlay *o, uint32_t era, const struct run *runs, unsigned int nr);

/* Moves all blocks of this era and of older ones to *older, which is empty before. */
void overlay_split(struct overlay *o, uint32_t era, struct overlay *older);

/* Moves all nodes to another pool.  The overlay is empty then. */
void overlay_destroy(struct overlay *o, struct nodes *to);

/* Returns the lowest block in from … end - 1 that is in the overlay, with any era; or end.  end <= nr_blocks. */
uint64_t overlay_find(const struct overlay *o, uint64_t from, uint64_t end);

/* Sets bit i for each block first + i, i < len, that is in the overlay with era `since` or newer. */
void overlay_collect(const struct overlay *o, uint32_t since, uint64_t first, uint64_t len,
		     uint64_t *bits);

/* Raises eras[i] to the newest era that block first + i, i < len, has in the overlay. */
void overlay_raise(const struct overlay *o, uint64_t first, uint64_t len, uint32_t *eras);

/* Returns the bytes of memory in use. */
size_t overlay_bytes(const struct overlay *o);

#endif /* ERAD_OVERLAY_H */
