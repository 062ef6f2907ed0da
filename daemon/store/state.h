/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a store, for the files that implement it.
 *
 * The order of durability (erad_format.h) is in four places: append() (append.c)
 * for a commit and an era, finish_fold() (fold.c) for the tail, take_over()
 * (open.c) for what the last opener left, make_room() (append.c) for the
 * reuse of ring pages.
 */
#ifndef ERAD_STATE_H
#define ERAD_STATE_H

#include <pthread.h>

#include "store/array.h"
#include "store/journal.h"
#include "store/nodes.h"
#include "store/overlay.h"
#include "store/snapshot.h"
#include "store/store.h"
#include "store/super.h"

enum snapshot_kind {
	SNAPSHOT_NONE,
	SNAPSHOT_ENDS,		/* with the process */
	SNAPSHOT_LASTS,
};

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
	struct array array;		/* start, chunk, tag; the rest: lock, and journal_lock and fold_lock to change it */
	uint64_t nr_sectors;		/* of the tracked device; lock, and the same to change it */
	uint32_t block_sectors;
	bool was_clean;			/* as found by open */

	pthread_mutex_t fold_lock;
	struct erad_disk_super super;	/* fold_lock; the newest that is durable */
	bool folding;			/* fold_lock; frozen, fold_to and fold_era are in use */
	uint64_t fold_to;		/* fold_lock; where the tail goes */
	uint32_t fold_era;		/* fold_lock, and lock to change it; the newest era begun before it */
	enum snapshot_kind fold_snapshot;	/* the same; a snapshot begins with the end of this fold */
	bool size_unsettled;		/* journal_lock; a superblock may have another size than `super` */
	time_t copied_at;		/* fold_lock; see store_check_home(): when a copy has failed last; 0: none has */
	void *fold_buf;			/* fold_lock; ARRAY_FOLD_PAGES pages */
	struct erad_disk_history *history_new;	/* fold_lock; see history_edit() */
	bool history_unsettled;		/* fold_lock; a superblock may name a newer history than `super` */

	pthread_mutex_t journal_lock;
	struct journal journal;			/* journal_lock */
	struct erad_disk_journal *group;	/* journal_lock; ERAD_GROUP_MAX pages */
	struct run runs[ERAD_MAX_RANGES];	/* journal_lock */

	pthread_mutex_t flush_lock;
	unsigned long lost_writes;	/* flush_lock; flushes that failed */

	pthread_mutex_t lock;
	struct nodes pool;		/* lock; for active, frozen and the snapshot's set of saved pages: see pool.h */
	struct overlay active;		/* lock */
	struct overlay frozen;		/* lock, and fold_lock to change it */
	uint64_t head;			/* lock, and journal_lock to change it */
	uint64_t tail;			/* lock, and fold_lock to change it; durable */
	uint32_t era;			/* lock, and journal_lock to change it */
	struct snapshot snapshot;	/* lock, and fold_lock to change it; saved: fold_lock */
	uint32_t floor_era;		/* lock, and fold_lock to change it; durable */
	struct erad_disk_history *history;	/* the same */
	struct {
		bool set;		/* a record is in force, or the target has let writes pass */
		bool damaged;		/* what is in its place is not a record; set, too */
		bool floor;		/* the floor covers what was let pass */
		uint32_t era;		/* of the record */
		uint64_t serial;	/* of the next record that is given to the target */
		bool given;		/* it was, since the floor was set */
	} degrade;			/* lock */
	struct {
		enum snapshot_kind kind;
		uint64_t seq;		/* all before it is to be in the snapshot */
		uint32_t era;		/* the newest begun before it */
	} begin;			/* lock; a snapshot that is to begin with the next fold */
	uint64_t commits, commit_pages, folds, over_marked;	/* lock */
};

/* "NAME: what: the error"; returns ret. */
int store_io_error(struct store *s, struct err *err, int ret, const char *what);

/* 0, or EROFS with a message if the store was opened with STORE_READ. */
int store_check_writable(struct store *s, struct err *err);

/*
 * A flush that fails may have lost writes of any thread, and the kernel tells
 * only one of them.  So a thread asks before its writes and has its flush fail
 * if any other has failed since.
 */
unsigned long store_lost_writes(struct store *s);
int store_flush(struct store *s, unsigned long lost_before);

/* Writes sb as the next superblock, durably.  Context: fold_lock. */
int store_next_super(struct store *s, struct erad_disk_super *sb);

/* s->super has another snapshot than s->snapshot.  Context: fold_lock. */
void store_set_snapshot(struct store *s);

/* The era that every block counts as written in, at least.  Context: lock. */
uint32_t store_floor(const struct store *s);

/* Pages of the ring that are in use.  Takes lock. */
uint64_t store_journal_used(struct store *s);

#endif /* ERAD_STATE_H */
