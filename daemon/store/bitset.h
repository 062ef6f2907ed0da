/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sparse set of block numbers.  Memory and time depend on the content of the set, not on the size
 * of the device.
 *
 * The set is a radix tree of 4 KiB nodes.  Leaves are bitmaps of 32768 blocks, and a node of each
 * higher level has 512 children.  A child that is NULL is an empty subtree.  A child that is
 * BITSET_FULL is a full subtree, so a discard of a whole device needs only a few nodes.  Nodes come
 * from the heap, or from a pool that the caller has filled in advance.  The functions take no
 * locks.
 */
#ifndef ERAD_BITSET_H
#define ERAD_BITSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/nodes.h"

#define BITSET_LEAF_SHIFT	15u	/* a leaf has 2^15 bits */
#define BITSET_FANOUT_SHIFT	9u	/* other nodes have 2^9 children */

struct bitset {
	void *root;
	unsigned int shift;	/* the tree covers 2^shift blocks */
	size_t nodes;		/* number of nodes in use */
	/* Pool of nodes; NULL: nodes come from the heap.  May be changed at any time. */
	struct nodes *pool;
	/* The leaf that was used last, or NULL.  The next blocks are often in the same leaf. */
	uint64_t *leaf;
	uint64_t leaf_index;
};

/* The blocks first … first + len - 1.  len is never 0. */
struct run {
	uint64_t first, len;
};

/*
 * Makes an empty set of blocks.  nr: a number above all blocks, at most 2^60.  Cannot fail.  The
 * nodes come from the heap, unless the caller sets a pool.
 */
void bitset_init(struct bitset *b, uint64_t nr);

/* Frees all nodes, or returns them to the pool.  After that, the set is empty. */
void bitset_destroy(struct bitset *b);

/*
 * Returns how many nodes one run can need at most: the root, and in each level below the root one
 * node for each end of the run.
 */
static inline size_t bitset_needs(const struct bitset *b)
{
	return 1 + 2 * (b->shift - BITSET_LEAF_SHIFT) / BITSET_FANOUT_SHIFT;
}

/*
 * Returns the largest number of nodes that a set can have.  A set has this many nodes if each leaf
 * contains some of its blocks, but not all.  nr: as for bitset_init().
 */
size_t bitset_most(uint64_t nr);

/*
 * Adds any run.  bitset_set() calls this function, unless the run is one block in the last used
 * leaf.
 */
int bitset_set_run(struct bitset *b, uint64_t first, uint64_t len);

/*
 * Adds the blocks first … first + len - 1.  ENOMEM: there is no memory, or the pool has too few
 * nodes; some of the blocks may have been added.
 */
static inline int bitset_set(struct bitset *b, uint64_t first, uint64_t len)
{
	if (len != 1 || !b->leaf || first >> BITSET_LEAF_SHIFT != b->leaf_index)
		return bitset_set_run(b, first, len);
	b->leaf[first % (1u << BITSET_LEAF_SHIFT) / 64] |= 1ULL << first % 64;
	return 0;
}

/*
 * Adds runs from the beginning of the array, as long as each run is one block in the last used leaf.
 * Returns how many runs were added.  Needs no memory.
 */
static inline unsigned int bitset_set_in_leaf(struct bitset *b, const struct run *r, unsigned int nr)
{
	const uint64_t base = b->leaf_index << BITSET_LEAF_SHIFT;
	uint64_t *const leaf = b->leaf;
	unsigned int i;

	for (i = 0; leaf && i < nr; i++) {
		const uint64_t bit = r[i].first - base;

		if (r[i].len != 1 || bit >> BITSET_LEAF_SHIFT)
			break;
		leaf[bit / 64] |= 1ULL << bit % 64;
	}
	return i;
}

/*
 * Returns the lowest block in from … end - 1 that is in the set (want true), or that is not in the
 * set (want false).  Returns end if there is no such block.  end is at most the nr of
 * bitset_init().
 */
uint64_t bitset_find(const struct bitset *b, uint64_t from, uint64_t end, bool want);

/* As bitset_set() and bitset_find(), but with a plain bitmap of 64-bit words. */
void bits_set(uint64_t *words, uint64_t first, uint64_t len);
uint64_t bits_find(const uint64_t *words, uint64_t from, uint64_t end, bool want);

#endif /* ERAD_BITSET_H */
