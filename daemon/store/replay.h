/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the journal ring, for opening metadata and for repairing a damaged journal. */
#ifndef ERAD_REPLAY_H
#define ERAD_REPLAY_H

#include "store/journal.h"

/*
 * Called with nr > 0 sorted runs that were written in era `era`.  A return value other than 0,
 * which must be a negative errno, ends the replay.
 */
typedef int (*journal_mark_fn)(void *ctx, uint32_t era, const struct run *runs, unsigned int nr);

struct journal_end {
	uint64_t head;		/* sequence number of the next page */
	/* Sequence number of the first page of the last group, or head if there is no group. */
	uint64_t last;
	uint32_t era;		/* the newest era that has begun */
	struct era_times times;	/* times of the eras that were read */
};

/*
 * Calls mark for every page of runs, from tail on.  era: the current era at tail.  *end receives
 * where the journal ends; after an error, where replay has ended.  EUCLEAN: there are pages that a
 * crash cannot leave behind: see erad_format.h.
 */
int journal_replay(struct journal *j, uint64_t tail, uint32_t era,
		   journal_mark_fn mark, void *ctx, struct journal_end *end, struct err *err);

/*
 * Finds upper limits of the sequence number and of the era, even if a large part of the ring is
 * lost.
 *
 * Before the call, *head and *era are the values of the superblock.  After the call, *head is one
 * more than the largest sequence number, and *era is the newest era, in the superblock and in all
 * valid pages.
 *
 * A page that cannot be read may have had any content, and may have begun an era.  If there are
 * unreadable pages, *head is larger by the size of the ring, and *era is larger by the number of
 * unreadable pages.  If no page is valid, both are larger by twice as much, because the superblock
 * may be the older of the two.  *head is at most UINT64_MAX, and *era at most UINT32_MAX - 1.
 */
int journal_newest(struct journal *j, uint64_t *head, uint32_t *era, struct err *err);

/*
 * Zeroes the pages that cannot be read, and flushes.  After the overwrite, the pages can often be
 * read again.  Call this only if the content of the ring is no longer needed.
 */
int journal_overwrite_unreadable(struct journal *j, struct err *err);

#endif /* ERAD_REPLAY_H */
