/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal ring: turns commits into groups of pages, and back.  Nothing here locks.  The caller
 * ensures that one thread at a time appends, and that the pages to which it appends may be used
 * again.
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
	uint64_t start;		/* first page of the ring, on the engine */
	uint64_t pages;
	uint64_t nr_blocks;
};

/* When the eras began, in seconds since 1970; 0: not known. */
struct era_times {
	uint64_t era;		/* the current one */
	uint64_t checkpoint;	/* time of the newest era that somebody has requested */
};

/* Adds an era that begins.  page: of type ERAD_J_ERA_BEGIN. */
void era_times_add(struct era_times *t, const struct erad_disk_journal *page);

/*
 * Sorts ranges into runs, which has room for nr, and joins ranges that overlap or touch.  Returns
 * the number of runs.  Allocates nothing.
 */
unsigned int journal_runs(struct run *runs, const struct erad_range *r, unsigned int nr);

/*
 * Encodes runs into the payload of group, and returns the number of its pages, at least 1.  The
 * runs are sorted, disjoint and below 2^52, and come from at most ERAD_MAX_RANGES ranges.  group
 * has room for ERAD_GROUP_MAX pages, which is always enough.
 */
unsigned int journal_encode(struct erad_disk_journal *group, const struct run *runs,
			    unsigned int nr);

/*
 * Writes group, which has its payload, as pages seq … seq + count - 1.  Not durable before a flush.
 * Everything before seq must be durable.
 */
int journal_write(struct journal *j, struct erad_disk_journal *group, unsigned int count,
		  uint64_t seq, uint32_t era, enum erad_journal_type type);

/*
 * Reads pages seq … seq + count - 1, and writes them again unchanged.  Not durable before a flush.
 * buf has room for them.
 */
int journal_rewrite(struct journal *j, uint64_t seq, unsigned int count, void *buf);

#endif /* ERAD_JOURNAL_H */
