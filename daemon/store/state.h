/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inside of a store, for the files that implement it.
 *
 * Four functions keep the order of durability (erad_format.h): append_group() (append.c) for a commit and
 * an era, finish_fold() (fold.c) for the tail, take_over() (open.c) for what the previous process
 * has left, and make_room_for_group() (append.c) for the reuse of ring pages.
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
	SNAPSHOT_ENDS,		/* until it is dropped or the process ends */
	SNAPSHOT_LASTS,
};

/*
 * Locks, outermost first:
 *
 *	journal_lock	the head of the ring; held over the I/O of an append
 *	fold_lock	superblocks and the era array; held over their I/O
 *	flush_lock	a flush, and whether it failed; held over this flush only
 *	lock		what readers use; never held over I/O
 *
 * A mark goes to the journal and becomes active.  A fold makes all active marks frozen, writes them
 * to the array, and drops them.  Frozen marks do not change, so the fold reads them without a lock;
 * other threads read them under `lock`.
 */
struct store {
	struct engine *e;
	enum store_mode mode;
	/*
	 * start, chunk and tag never change.  Read the other fields, and nr_sectors, under lock; change
	 * them under journal_lock, fold_lock and lock.
	 */
	struct array array;
	uint64_t nr_sectors;		/* sectors of the tracked device */
	uint32_t block_sectors;
	bool was_clean;			/* the metadata was clean when it was opened */

	pthread_mutex_t fold_lock;
	struct erad_disk_super super;	/* fold_lock; the newest superblock that is durable */
	bool folding;			/* fold_lock; a fold is under way: frozen, fold_to and fold_era are in use */
	uint64_t fold_to;		/* fold_lock; the tail after this fold */
	uint32_t fold_era;		/* fold_lock, and lock to change it; the newest era that begins before fold_to */
	struct era_times fold_times;	/* fold_lock, and lock to change it; the times of fold_era */
	enum snapshot_kind fold_snapshot;	/* fold_lock, and lock to change it; a snapshot of this kind begins with the end of this fold */
	bool size_unsettled;		/* journal_lock; a superblock may have another size than `super`, because a resize failed */
	time_t copied_at;		/* fold_lock; see store_check_home(): when a copy failed last; 0: none has failed */
	void *fold_buf;			/* fold_lock; ARRAY_FOLD_PAGES pages */
	struct erad_disk_history *history_new;	/* fold_lock; see history_edit() */
	bool history_unsettled;		/* fold_lock; a superblock may name a newer history than `super`, because a write failed */

	pthread_mutex_t journal_lock;
	struct journal journal;			/* journal_lock */
	struct erad_disk_journal *group;	/* journal_lock; ERAD_GROUP_MAX pages */
	struct run runs[ERAD_MAX_RANGES];	/* journal_lock */

	pthread_mutex_t flush_lock;
	unsigned long lost_writes;	/* flush_lock; number of flushes that failed */

	pthread_mutex_t lock;
	struct nodes pool;		/* lock; memory for active, frozen and the snapshot's set of saved pages: see pool.h */
	struct overlay active;		/* lock */
	struct overlay frozen;		/* lock, and fold_lock to change it */
	uint64_t head;			/* lock, and journal_lock to change it */
	uint64_t tail;			/* lock, and fold_lock to change it; durable */
	uint32_t era;			/* lock, and journal_lock to change it */
	struct era_times times;		/* lock, and journal_lock to change it; the times of `era` */
	struct snapshot snapshot;	/* lock, and fold_lock to change it; saved: fold_lock */
	uint32_t floor_era;		/* lock, and fold_lock to change it; durable */
	struct erad_disk_history *history;	/* lock, and fold_lock to change it; durable */
	struct {
		bool set;		/* a record is in force, or the target has let writes pass */
		bool damaged;		/* the record's place has something that is no record; `set` is true, too */
		bool floor;		/* the floor covers the writes that were let pass */
		uint32_t era;		/* era of the record */
		uint64_t serial;	/* serial of the next record for the target */
		bool given;		/* the target has got that record since the floor was set */
	} degrade;			/* lock */
	struct {
		enum snapshot_kind kind;
		uint64_t seq;		/* sequence number: everything before it will be in the snapshot */
		uint32_t era;		/* the newest era that begins before seq */
		struct era_times times;	/* the times of that era */
	} begin;			/* lock; a snapshot that will begin with the next fold */
	uint64_t commits, commit_pages, folds, over_marked;	/* lock */
};

/* Sets "NAME: what: the error" and returns ret. */
int store_io_error(struct store *s, struct err *err, int ret, const char *what);

/* Returns 0, or EROFS with a sentence if the store was opened with STORE_READ. */
int store_check_writable(struct store *s, struct err *err);

/*
 * A flush that fails may have lost writes of any thread, and the kernel reports the failure only
 * once.  So a thread calls store_lost_writes() before its writes, and store_flush() fails if any
 * flush has failed since.
 */
unsigned long store_lost_writes(struct store *s);
int store_flush(struct store *s, unsigned long lost_before);

/* Writes sb as the next superblock, durably.  Context: fold_lock. */
int store_next_super(struct store *s, struct erad_disk_super *sb);

/* Updates s->snapshot from s->super, which has another snapshot.  Context: fold_lock. */
void store_set_snapshot(struct store *s);

/* Returns the era of the floor: every block counts as written in it or later.  Context: lock. */
uint32_t store_floor(const struct store *s);

/* Returns how many pages of the ring are in use.  Takes lock. */
uint64_t store_journal_used(struct store *s);

#endif /* ERAD_STATE_H */
