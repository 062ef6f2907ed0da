/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal ring: encodes commits as groups of pages, and writes the groups.  replay.c reads the
 * groups.  The functions take no locks.  The caller must ensure that only one thread at a time
 * appends, and that the pages of the ring that are overwritten are no longer needed.
 */
#ifndef ERAD_JOURNAL_H
#define ERAD_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "erad_format.h"
#include "erad_uapi.h"
#include "store/bitset.h"
#include "store/engine.h"

struct journal {
	struct engine *e;
	uint8_t uuid[16];
	uint64_t start;		/* page of the engine where the ring begins */
	uint64_t pages;
	uint64_t nr_blocks;
};

/* Times in seconds since 1970; 0: not known. */
struct era_times {
	uint64_t era;		/* when the current era began */
	uint64_t checkpoint;	/* as `era`, for the newest era that a checkpoint has requested */
};

/*
 * Updates the times for an era that begins.  page: the page of type ERAD_J_ERA_BEGIN with which the
 * era begins.
 */
void era_times_add(struct era_times *t, const struct erad_disk_journal *page);

/*
 * Copies ranges to runs, sorts them, and joins runs that overlap or touch.  runs has room for nr
 * entries.  Returns the number of runs.  Allocates no memory.
 */
unsigned int journal_runs(struct run *runs, const struct erad_range *r, unsigned int nr);

/*
 * Encodes runs into the payload of group.  Returns the number of pages that they take, at least 1.
 * The runs must be sorted, disjoint and below 2^52, and made from at most ERAD_MAX_RANGES ranges.
 * group has room for ERAD_GROUP_MAX pages, which is always enough.
 */
unsigned int journal_encode(struct erad_disk_journal *group, const struct run *runs,
			    unsigned int nr);

/*
 * Completes the headers of the pages seq … seq + count - 1 in group, which already contains the
 * payload.  All pages before seq must be durable.
 */
void journal_number(const struct journal *j, struct erad_disk_journal *group, unsigned int count,
		    uint64_t seq, uint32_t era, enum erad_journal_type type);

/*
 * Writes group as pages seq … seq + count - 1.  durable true: uses durable writes of the engine, so
 * the pages are durable when this returns 0; EOPNOTSUPP if the engine has none.  durable false: the
 * pages are durable after the next flush.
 */
int journal_write(struct journal *j, struct erad_disk_journal *group, unsigned int count,
		  uint64_t seq, bool durable);

/*
 * Reads pages seq … seq + count - 1, and writes them again unchanged.  The caller must flush,
 * because the engine may have no durable writes, or the disk may refuse them.  buf has room for count
 * pages.
 */
int journal_rewrite(struct journal *j, uint64_t seq, unsigned int count, void *buf);

#endif /* ERAD_JOURNAL_H */
