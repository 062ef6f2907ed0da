// SPDX-License-Identifier: GPL-2.0-or-later
/* Keeps the marks that are in the journal and not yet in the era array: see overlay.h. */
#include <endian.h>
#include <errno.h>

#include "store/overlay.h"

_Static_assert(sizeof(struct overlay_era) <= NODE_BYTES, "an era is one node");

size_t overlay_needs(const struct overlay *o)
{
	struct bitset b;

	bitset_init(&b, o->nr_blocks);
	return 1 + bitset_needs(&b);
}

static struct overlay_era *add_era(struct overlay *o, uint32_t era)
{
	struct overlay_era *oe = nodes_take(o->pool);

	oe->era = era;
	oe->older = o->newest;
	bitset_init(&oe->blocks, o->nr_blocks);
	oe->blocks.pool = o->pool;
	o->newest = oe;
	return oe;
}

unsigned int overlay_add(struct overlay *o, uint32_t era, const struct run *runs, unsigned int nr)
{
	const size_t needs = overlay_needs(o);
	struct overlay_era *oe = o->newest;
	unsigned int i = 0;

	while (i < nr && o->pool->nr >= needs) {
		if (!oe || oe->era != era)
			oe = add_era(o, era);
		/* This cannot fail, because the pool contains as many nodes as the run can need. */
		bitset_set(&oe->blocks, runs[i].first, runs[i].len);
		i++;
		/* Most runs are short, in ascending order, and near each other. */
		i += bitset_set_in_leaf(&oe->blocks, &runs[i], nr - i);
	}
	return i;
}

int overlay_add_all(struct overlay *o, uint32_t era, const struct run *runs, unsigned int nr)
{
	const size_t needs = overlay_needs(o);
	unsigned int i;

	for (i = 0; i < nr; i += overlay_add(o, era, &runs[i], nr - i))
		if (nodes_fill(o->pool, needs))
			return -ENOMEM;
	return 0;
}

void overlay_split(struct overlay *o, uint32_t era, struct overlay *older)
{
	struct overlay_era **oe = &o->newest;

	while (*oe && (*oe)->era > era)
		oe = &(*oe)->older;
	older->newest = *oe;
	*oe = NULL;
}

void overlay_destroy(struct overlay *o, struct nodes *to)
{
	struct overlay_era *oe;

	while ((oe = o->newest)) {
		o->newest = oe->older;
		oe->blocks.pool = to;
		bitset_destroy(&oe->blocks);
		nodes_put(to, oe);
	}
}

uint64_t overlay_find(const struct overlay *o, uint64_t from, uint64_t end)
{
	const struct overlay_era *oe;

	for (oe = o->newest; oe; oe = oe->older)
		end = bitset_find(&oe->blocks, from, end, true);
	return end;
}

/*
 * Finds the first run of blocks in *from … end - 1 that has the era of oe.  Sets *from to its first
 * block, and *to to the block after its last one.  Returns false if there is none.
 */
static bool next_run(const struct overlay_era *oe, uint64_t *from, uint64_t *to, uint64_t end)
{
	*from = bitset_find(&oe->blocks, *from, end, true);
	*to = bitset_find(&oe->blocks, *from, end, false);
	return *from < end;
}

void overlay_collect(const struct overlay *o, uint32_t since, uint64_t first, uint64_t len,
		     uint64_t *bits)
{
	const uint64_t end = first + len;
	const struct overlay_era *oe;
	uint64_t from, to;

	for (oe = o->newest; oe && oe->era >= since; oe = oe->older) {
		for (from = first; next_run(oe, &from, &to, end); from = to)
			bits_set(bits, from - first, to - from);
	}
}

void overlay_raise(const struct overlay *o, uint64_t first, uint64_t len, __le32 *eras)
{
	const uint64_t end = first + len;
	const struct overlay_era *oe;
	uint64_t from, to;

	for (oe = o->newest; oe; oe = oe->older) {
		for (from = first; next_run(oe, &from, &to, end); from = to)
			for (; from < to; from++)
				if (le32toh(eras[from - first]) < oe->era)
					eras[from - first] = htole32(oe->era);
	}
}

size_t overlay_bytes(const struct overlay *o)
{
	const struct overlay_era *oe;
	size_t bytes = 0;

	for (oe = o->newest; oe; oe = oe->older)
		bytes += (1 + oe->blocks.nodes) * NODE_BYTES;
	return bytes;
}
