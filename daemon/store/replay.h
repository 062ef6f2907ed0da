/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the journal ring back: for an open, and for the repair of one that is damaged. */
#ifndef ERAD_REPLAY_H
#define ERAD_REPLAY_H

#include "store/journal.h"

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

#endif /* ERAD_REPLAY_H */
