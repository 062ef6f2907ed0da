/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal ring: turns commits into groups of pages and back.
 *
 * Nothing here locks; the caller sees to it that one thread at a time
 * appends, and that the pages it appends to may be reused.
 */
#ifndef ERAD_JOURNAL_H
#define ERAD_JOURNAL_H

#include <stdint.h>

#include "erad_format.h"
#include "erad_uapi.h"
#include "store/bitset.h"
#include "store/engine.h"

struct journal {
	struct engine *e;
	uint8_t uuid[16];
	uint64_t start;		/* page of the engine */
	uint64_t pages;
	uint64_t nr_blocks;
};

/*
 * Sorts ranges into runs, which has room for nr, and joins what overlaps or
 * touches.  Returns how many runs are left.  Allocates nothing.
 */
unsigned int journal_runs(struct run *runs, const struct erad_range *r, unsigned int nr);

/*
 * Puts sorted, disjoint runs below 2^52, from at most ERAD_MAX_RANGES ranges,
 * into the payload of group, which has room for ERAD_GROUP_MAX pages, enough
 * for any.  Returns the number of pages, at least 1.
 */
unsigned int journal_encode(struct erad_disk_journal *group, const struct run *runs,
			    unsigned int nr);

/*
 * Writes group, whose payload is there, as pages seq … seq + count - 1.  Not
 * durable before a flush; everything before seq is durable already.
 */
int journal_write(struct journal *j, struct erad_disk_journal *group, unsigned int count,
		  uint64_t seq, uint32_t era, enum erad_journal_type type);

/*
 * Reads pages seq … seq + count - 1 and writes them as they are; not durable
 * before a flush.  buf has room for them.
 */
int journal_rewrite(struct journal *j, uint64_t seq, unsigned int count, void *buf);

#endif /* ERAD_JOURNAL_H */
