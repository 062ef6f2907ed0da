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

/* Hears of nr > 0 runs, sorted, that were marked in era; a negative errno ends the replay. */
typedef int (*journal_mark_fn)(void *ctx, uint32_t era, const struct run *runs, unsigned int nr);

struct journal_end {
	uint64_t head;		/* sequence number of the next page */
	uint64_t last;		/* of the first page of the last group; head if there is none */
	uint32_t era;		/* the newest begun */
};

/*
 * Calls mark for every page of runs from tail on, where era is current.  Refuses, with
 * EUCLEAN, pages that cannot be what a crash leaves behind: see erad_format.h.
 */
int journal_replay(struct journal *j, uint64_t tail, uint32_t era,
		   journal_mark_fn mark, void *ctx, struct journal_end *end, struct err *err);

/*
 * What the ring as a whole says, however much of it is lost.  *head and *era are what
 * the superblock says, and then one beyond the largest sequence number, and the newest
 * era, of it and of the pages that are valid.  A page that cannot be read may have been
 * any, also one that began an era: with such, head is a ring further, and the era newer
 * by as many; twice that with no valid page, as the superblock may be the older one.
 * Both stop at their largest value: UINT64_MAX, and UINT32_MAX - 1.
 */
int journal_newest(struct journal *j, uint64_t *head, uint32_t *era, struct err *err);

/*
 * Writes zeros over the pages that cannot be read, which often makes them readable, and
 * flushes.  Only when nothing is wanted of the ring any more.
 */
int journal_overwrite_unreadable(struct journal *j, struct err *err);

/*
 * Reads pages seq … seq + count - 1 and writes them as they are; not durable
 * before a flush.  buf has room for them.
 */
int journal_rewrite(struct journal *j, uint64_t seq, unsigned int count, void *buf);

#endif /* ERAD_JOURNAL_H */
