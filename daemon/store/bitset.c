// SPDX-License-Identifier: GPL-2.0-or-later
/* A sparse set of block numbers: see bitset.h. */
#include <errno.h>
#include <stdlib.h>

#include "store/bitset.h"

#define LEAF_SHIFT	BITSET_LEAF_SHIFT
#define FANOUT_SHIFT	BITSET_FANOUT_SHIFT
#define FANOUT		(1u << FANOUT_SHIFT)

static char full_mark;
#define BITSET_FULL	((void *)&full_mark)

_Static_assert(NODE_BYTES * 8 == 1u << LEAF_SHIFT, "a leaf is one node");
_Static_assert(NODE_BYTES == FANOUT * sizeof(void *) || sizeof(void *) < 8, "a table of children is one node");

static bool is_node(const void *p)
{
	return p && p != BITSET_FULL;
}

static void *new_node(struct bitset *b)
{
	return b->pool ? nodes_take(b->pool) : calloc(FANOUT, NODE_BYTES / FANOUT);
}

static void free_node(struct bitset *b, void *node)
{
	b->nodes--;
	if (b->pool)
		nodes_put(b->pool, node);
	else
		free(node);
}

void bits_set(uint64_t *words, uint64_t first, uint64_t len)
{
	while (len) {
		unsigned int bit = first % 64;
		unsigned int n = len < 64 - bit ? len : 64 - bit;

		words[first / 64] |= (n == 64 ? ~0ULL : (1ULL << n) - 1) << bit;
		first += n;
		len -= n;
	}
}

uint64_t bits_find(const uint64_t *words, uint64_t from, uint64_t end, bool want)
{
	const uint64_t flip = want ? 0 : ~0ULL;
	uint64_t word, pos;

	if (from >= end)
		return end;
	word = (words[from / 64] ^ flip) & (~0ULL << (from % 64));
	for (pos = from - from % 64; !word; word = words[pos / 64] ^ flip) {
		pos += 64;
		if (pos >= end)
			return end;
	}
	pos += __builtin_ctzll(word);
	return pos < end ? pos : end;
}

void bitset_init(struct bitset *b, uint64_t nr)
{
	b->root = NULL;
	b->leaf = NULL;
	b->nodes = 0;
	b->pool = NULL;
	b->shift = LEAF_SHIFT;
	while (nr > 1ULL << b->shift)
		b->shift += FANOUT_SHIFT;
}

size_t bitset_most(uint64_t nr)
{
	struct bitset b;
	unsigned int shift;
	size_t nodes = 0;

	bitset_init(&b, nr);
	for (shift = LEAF_SHIFT; shift <= b.shift; shift += FANOUT_SHIFT)
		nodes += ((nr - 1) >> shift) + 1;
	return nodes;
}

static void free_subtree(struct bitset *b, void *p, unsigned int shift)
{
	void **child = p;
	unsigned int i;

	if (!is_node(p))
		return;
	for (i = 0; shift > LEAF_SHIFT && i < FANOUT; i++)
		free_subtree(b, child[i], shift - FANOUT_SHIFT);
	free_node(b, p);
}

void bitset_destroy(struct bitset *b)
{
	free_subtree(b, b->root, b->shift);
	b->root = NULL;
	b->leaf = NULL;
}

/*
 * Sets blocks in the subtree at *slot.  first and last are relative to the first block of the
 * subtree.
 */
static int set_subtree(struct bitset *b, void **slot, unsigned int shift,
		       uint64_t first, uint64_t last)
{
	const uint64_t mask = (1ULL << (shift - FANOUT_SHIFT)) - 1;
	uint64_t i;
	int ret;

	b->leaf = NULL;
	if (*slot == BITSET_FULL)
		return 0;
	if (first == 0 && last == (1ULL << shift) - 1) {
		free_subtree(b, *slot, shift);
		*slot = BITSET_FULL;
		return 0;
	}
	if (!*slot) {
		*slot = new_node(b);
		if (!*slot)
			return -ENOMEM;
		b->nodes++;
	}
	if (shift == LEAF_SHIFT) {
		bits_set(*slot, first, last - first + 1);
		b->leaf = *slot;
		return 0;
	}
	shift -= FANOUT_SHIFT;
	for (i = first >> shift; i <= last >> shift; i++) {
		ret = set_subtree(b, (void **)*slot + i, shift,
				  i == first >> shift ? first & mask : 0,
				  i == last >> shift ? last & mask : mask);
		if (ret)
			return ret;
	}
	return 0;
}

int bitset_set_run(struct bitset *b, uint64_t first, uint64_t len)
{
	const uint64_t last = first + len - 1;

	if (!len)
		return 0;
	/* Leaves are visited in ascending order, so b->leaf is the leaf of the last block. */
	b->leaf_index = last >> LEAF_SHIFT;
	return set_subtree(b, &b->root, b->shift, first, last);
}

uint64_t bitset_find(const struct bitset *b, uint64_t from, uint64_t end, bool want)
{
	while (from < end) {
		unsigned int shift = b->shift;
		const void *p = b->root;
		uint64_t next, base, found;

		while (is_node(p) && shift > LEAF_SHIFT) {
			shift -= FANOUT_SHIFT;
			p = ((void *const *)p)[(from >> shift) % FANOUT];
		}
		next = ((from >> shift) + 1) << shift;
		if (next > end)
			next = end;
		if (is_node(p)) {
			base = from >> shift << shift;
			found = base + bits_find(p, from - base, next - base, want);
			if (found < next)
				return found;
		} else if (!!p == want) {
			return from;
		}
		from = next;
	}
	return end;
}
