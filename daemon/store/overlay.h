/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The marks that are in the journal and not yet in the era array: a set of blocks for each era.
 * The functions take no locks and do no I/O.
 */
#ifndef ERAD_OVERLAY_H
#define ERAD_OVERLAY_H

#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#include "store/bitset.h"

struct overlay_era {
	struct overlay_era *older;
	uint32_t era;
	struct bitset blocks;
};

/*
 * The overlay: a list of eras with their sets of blocks.  The pool supplies one node for each era,
 * and the nodes of the sets.
 */
struct overlay {
	struct overlay_era *newest;
	uint64_t nr_blocks;
	struct nodes *pool;
};

/*
 * Returns how many nodes one run can need at most: 2 for each level of the tree, including the node
 * of a new era.  The tree has at most 6 levels, because a device has at most 2^52 blocks.
 */
size_t overlay_needs(const struct overlay *o);

/*
 * Adds runs, beginning with the first, as long as the pool contains overlay_needs() nodes.  Then
 * adds further runs that need no node, because each of them is one block in the leaf of the last
 * run.  Returns the number of runs that were added.  A run is added completely or not at all.  Eras
 * must be added in ascending order.
 */
unsigned int overlay_add(struct overlay *o, uint32_t era, const struct run *runs, unsigned int nr);

/*
 * Adds all runs, and fills the pool from the heap as needed.  ENOMEM: some runs may have been
 * added.
 */
int overlay_add_all(struct overlay *o, uint32_t era, const struct run *runs, unsigned int nr);

/* Moves all blocks of era `era` and of older eras to *older, which must be empty. */
void overlay_split(struct overlay *o, uint32_t era, struct overlay *older);

/* Moves all nodes to the pool `to`.  Afterwards, the overlay is empty. */
void overlay_destroy(struct overlay *o, struct nodes *to);

/*
 * Returns the lowest block in from … end - 1 that is in the overlay with any era.  Returns end if
 * there is none.  end must be at most nr_blocks.
 */
uint64_t overlay_find(const struct overlay *o, uint64_t from, uint64_t end);

/*
 * Sets bit i of the bitmap for each block first + i, i < len, that is in the overlay with era
 * `since` or a newer era.
 */
void overlay_collect(const struct overlay *o, uint32_t since, uint64_t first, uint64_t len,
		     uint64_t *bits);

/*
 * For each block first + i, i < len: raises eras[i] to the newest era that the block has in the
 * overlay.  eras[i] is little-endian, as in the era array on disk.
 */
void overlay_raise(const struct overlay *o, uint64_t first, uint64_t len, __le32 *eras);

/* Returns how many bytes of memory the overlay uses. */
size_t overlay_bytes(const struct overlay *o);

#endif /* ERAD_OVERLAY_H */
