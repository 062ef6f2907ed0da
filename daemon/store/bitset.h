/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sparse set of block numbers, whose memory and time follow what is in it
 * and not how large the device is.
 *
 * A radix tree of 4 KiB nodes: leaves are bitmaps of 32768 blocks, each level
 * above has 512 children.  No child is an empty subtree, BITSET_FULL a full
 * one, so that a discard of a whole device costs a few pages.
 *
 * Nodes come from the heap, or from a pool that the caller has filled before.
 *
 * Nothing here locks.
 */
#ifndef ERAD_BITSET_H
#define ERAD_BITSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/nodes.h"

#define BITSET_LEAF_SHIFT	15u	/* bits of a leaf: 2^15 */
#define BITSET_FANOUT_SHIFT	9u	/* children of a node: 2^9 */

struct bitset {
	void *root;
	unsigned int shift;	/* the tree covers 2^shift blocks */
	size_t nodes;		/* in use */
	struct nodes *pool;	/* where nodes come from and go to; NULL: the heap.  May be changed at any time */
	uint64_t *leaf;		/* the last one added to, where the next blocks often are; or NULL */
	uint64_t leaf_index;
};

/* Blocks first … first + len - 1; len > 0. */
struct run {
	uint64_t first, len;
};

/* An empty set of blocks below nr, which is at most 2^60.  Cannot fail.  Its nodes come from the heap. */
void bitset_init(struct bitset *b, uint64_t nr);

/* Frees all nodes, or returns them to the pool; the set is empty again. */
void bitset_destroy(struct bitset *b);

/* The most nodes that adding one run takes: the root, and in each level below it one for each end of the run. */
static inline size_t bitset_needs(const struct bitset *b)
{
	return 1 + 2 * (b->shift - BITSET_LEAF_SHIFT) / BITSET_FANOUT_SHIFT;
}

/* The nodes of a set that has some blocks, but not all, of each leaf.  nr: as for bitset_init(). */
size_t bitset_most(uint64_t nr);

/* As bitset_set(), without the short cut. */
int bitset_set_run(struct bitset *b, uint64_t first, uint64_t len);

/* Adds first … first + len - 1.  On ENOMEM, no memory or too few nodes in the pool, some of them may have been added. */
static inline int bitset_set(struct bitset *b, uint64_t first, uint64_t len)
{
	if (len != 1 || !b->leaf || first >> BITSET_LEAF_SHIFT != b->leaf_index)
		return bitset_set_run(b, first, len);
	b->leaf[first % (1u << BITSET_LEAF_SHIFT) / 64] |= 1ULL << first % 64;
	return 0;
}

/*
 * The lowest block in from … end - 1 that is (want) or is not (!want) in the
 * set; else end.  end is at most the nr of bitset_init().
 */
uint64_t bitset_find(const struct bitset *b, uint64_t from, uint64_t end, bool want);

/* The same two for a plain bitmap of words. */
void bits_set(uint64_t *words, uint64_t first, uint64_t len);
uint64_t bits_find(const uint64_t *words, uint64_t from, uint64_t end, bool want);

#endif /* ERAD_BITSET_H */
