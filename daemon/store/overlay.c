// SPDX-License-Identifier: GPL-2.0-or-later
/* Blocks that are in the journal and not yet in the era array: see overlay.h. */
#include <errno.h>
#include <stdlib.h>

#include "store/overlay.h"

int overlay_add(struct overlay *o, uint32_t era, const struct run *runs, unsigned int nr)
{
	struct overlay_era *oe = o->newest;
	unsigned int i;
	int ret = 0;

	if (!oe || oe->era != era) {
		oe = malloc(sizeof(*oe));
		if (!oe)
			return -ENOMEM;
		oe->era = era;
		oe->older = o->newest;
		bitset_init(&oe->blocks, o->nr_blocks);
		o->newest = oe;
	}
	for (i = 0; i < nr && !ret; i++)
		ret = bitset_set(&oe->blocks, runs[i].first, runs[i].len);
	return ret;
}

void overlay_split(struct overlay *o, uint32_t era, struct overlay *older)
{
	struct overlay_era **oe = &o->newest;

	while (*oe && (*oe)->era > era)
		oe = &(*oe)->older;
	older->newest = *oe;
	*oe = NULL;
}

void overlay_destroy(struct overlay *o)
{
	struct overlay_era *oe;

	while ((oe = o->newest)) {
		o->newest = oe->older;
		bitset_destroy(&oe->blocks);
		free(oe);
	}
}

uint64_t overlay_find(const struct overlay *o, uint64_t from, uint64_t end)
{
	const struct overlay_era *oe;

	for (oe = o->newest; oe; oe = oe->older)
		end = bitset_find(&oe->blocks, from, end, true);
	return end;
}

/* The first run of blocks in from … end - 1 that have this era; false if there is none. */
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

void overlay_raise(const struct overlay *o, uint64_t first, uint64_t len, uint32_t *eras)
{
	const uint64_t end = first + len;
	const struct overlay_era *oe;
	uint64_t from, to;

	for (oe = o->newest; oe; oe = oe->older) {
		for (from = first; next_run(oe, &from, &to, end); from = to)
			for (; from < to; from++)
				if (eras[from - first] < oe->era)
					eras[from - first] = oe->era;
	}
}

size_t overlay_bytes(const struct overlay *o)
{
	const struct overlay_era *oe;
	size_t bytes = 0;

	for (oe = o->newest; oe; oe = oe->older)
		bytes += sizeof(*oe) + oe->blocks.nodes * 4096;
	return bytes;
}
