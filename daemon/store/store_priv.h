/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of a store, for the files that implement it. */
#ifndef ERAD_STORE_PRIV_H
#define ERAD_STORE_PRIV_H

#include <pthread.h>

#include "store/array.h"
#include "store/journal.h"
#include "store/overlay.h"
#include "store/store.h"
#include "store/super.h"

/*
 * Locks, outer to inner:
 *
 *	journal_lock	the head of the ring; held over the I/O of an append
 *	fold_lock	superblocks and the era array; held over their I/O
 *	flush_lock	a flush and whether it failed; held over that flush alone
 *	lock		what others look at; never held over I/O
 *
 * A mark goes journal → active; a fold takes active as a whole and makes it
 * frozen, writes that to the array and drops it.  What is frozen does not
 * change, so that the fold reads it with no lock, others under `lock`.
 */
struct store {
	struct engine *e;
	enum store_mode mode;
	struct array array;
	uint64_t nr_sectors;		/* of the tracked device */
	uint32_t block_sectors;
	bool was_clean;			/* as found by open */

	pthread_mutex_t fold_lock;
	struct erad_disk_super super;	/* fold_lock; the newest that is durable */
	bool folding;			/* fold_lock; frozen, fold_to and fold_era are in use */
	uint64_t fold_to;		/* fold_lock; where the tail goes */
	uint32_t fold_era;		/* fold_lock; the newest era begun before it */
	void *fold_buf;			/* fold_lock; ARRAY_FOLD_PAGES pages */

	pthread_mutex_t journal_lock;
	struct journal journal;			/* journal_lock */
	struct erad_disk_journal *group;	/* journal_lock; ERAD_GROUP_MAX pages */
	struct run runs[ERAD_MAX_RANGES];	/* journal_lock */

	pthread_mutex_t flush_lock;
	unsigned long lost_writes;	/* flush_lock; flushes that failed */

	pthread_mutex_t lock;
	struct overlay active;		/* lock */
	struct overlay frozen;		/* lock, and fold_lock to change it */
	uint64_t head;			/* lock, and journal_lock to change it */
	uint64_t tail;			/* lock, and fold_lock to change it; durable */
	uint32_t era;			/* lock, and journal_lock to change it */
	uint64_t commits, commit_pages, folds, over_marked;	/* lock */
};

#endif /* ERAD_STORE_PRIV_H */
