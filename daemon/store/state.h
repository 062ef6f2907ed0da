/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The internals of a store, for the files that implement it.
 *
 * These functions keep the order of durability (erad_format.h): append_group() (append.c) for a
 * commit and an era, finish_fold() (fold.c) for the tail and the copies of a snapshot,
 * make_room_for_group() (append.c) for the reuse of ring pages, take_over() (open.c) for metadata
 * of the previous process, history_commit() (history_copy.c) for the history, and resize_locked()
 * (resize.c) for the size.  For the degrade record, the caller keeps the order (store.h).
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
	SNAPSHOT_ENDS,		/* the snapshot exists until it is dropped or the process ends */
	SNAPSHOT_LASTS,
};

/*
 * The locks, outermost first:
 *
 *	journal_lock	the head of the ring; held over the I/O of an append
 *	fold_lock	superblocks and the era array; held over their I/O
 *	flush_lock	a flush or a durable write, and whether it failed; held over this I/O only
 *	lock		fields that readers use; never held over I/O
 *
 * The comment of a field begins with the lock that protects the field.  "L, M to change": the field
 * is changed under both L and M, so it may be read under either of them.  A field without a lock in
 * its comment does not change between open and close.
 *
 * A mark goes to the journal and becomes active.  A fold makes all active marks frozen, writes them
 * to the array, and drops them.  Frozen marks do not change, so the fold reads them without a lock.
 * Other threads read frozen marks under `lock`.
 */
struct store {
	struct engine *e;
	enum store_mode mode;
	/*
	 * The array.  Its fields start, chunk and tag do not change.  Its other fields, and
	 * nr_sectors, are changed under journal_lock, fold_lock and lock, so they may be read under
	 * any of the three.
	 */
	struct array array;
	uint64_t nr_sectors;		/* size of the tracked device in sectors */
	uint32_t block_sectors;
	bool was_clean;			/* the metadata was clean when it was opened */

	pthread_mutex_t fold_lock;
	struct erad_disk_super super;	/* fold_lock; the newest durable superblock */
	/*
	 * fold_lock; a fold is under way or has failed, so frozen and the fields fold_… are in use.
	 */
	bool folding;
	uint64_t fold_to;		/* fold_lock; where the tail will be after this fold */
	/* fold_lock, lock to change; the newest era that begins before fold_to. */
	uint32_t fold_era;
	struct era_times fold_times;	/* fold_lock, lock to change; the times of fold_era */
	/* fold_lock, lock to change; a snapshot of this kind begins when this fold ends. */
	enum snapshot_kind fold_snapshot;
	/*
	 * journal_lock; a superblock on the disk may name another size than `super`, because a
	 * resize failed.
	 */
	bool size_unsettled;
	/* fold_lock; when store_check_home() last failed to copy the file.  0: never. */
	time_t copied_at;
	void *fold_buf;			/* fold_lock; buffer of ARRAY_FOLD_PAGES pages */
	/* fold_lock; the copy that history_edit() returns. */
	struct erad_disk_history *history_new;
	/*
	 * fold_lock; a superblock on the disk may name a newer history than `super`, because a
	 * write failed.
	 */
	bool history_unsettled;

	pthread_mutex_t journal_lock;
	/*
	 * The ring.  nr_blocks is its only field that changes: journal_lock, fold_lock and lock to
	 * change.
	 */
	struct journal journal;
	struct erad_disk_journal *group;	/* journal_lock; buffer of ERAD_GROUP_MAX pages */
	struct run runs[ERAD_MAX_RANGES];	/* journal_lock; the sorted ranges of one call */

	pthread_mutex_t flush_lock;
	/* flush_lock; number of failed flushes and failed durable writes. */
	unsigned long lost_writes;

	pthread_mutex_t lock;
	/* lock; memory for active, frozen and snapshot.saved: see pool.h. */
	struct nodes pool;
	struct overlay active;		/* lock; marks that no fold has frozen */
	struct overlay frozen;		/* lock, fold_lock to change; marks that the fold moves */
	/* lock, journal_lock to change; sequence number of the next page of the journal. */
	uint64_t head;
	/* lock, fold_lock to change; sequence number of the oldest page in use, durable. */
	uint64_t tail;
	uint32_t era;			/* lock, journal_lock to change; the current era */
	struct era_times times;		/* lock, journal_lock to change; the times of `era` */
	/* lock, fold_lock to change.  The field `saved` is protected by fold_lock alone. */
	struct snapshot snapshot;
	/* lock, fold_lock to change; the era of the floor, durable. */
	uint32_t floor_era;
	/* lock, fold_lock to change; the history in force, durable. */
	struct erad_disk_history *history;
	struct {
		/* Whether a record is in force, or the target has let writes pass. */
		bool set;
		/*
		 * Whether the record's page contains something that is no record.  If so, `set` is
		 * true, too.
		 */
		bool damaged;
		/* Whether the floor covers the writes that the target had let pass. */
		bool floor;
		uint32_t era;		/* era of the record */
		uint64_t serial;	/* serial of the next record for the target */
		/*
		 * The target has received the record with this serial since store_set_floor() was
		 * called.
		 */
		bool given;
	} degrade;			/* lock; the state of a degrade */
	struct {
		enum snapshot_kind kind;
		/* The snapshot will show everything before this sequence number. */
		uint64_t seq;
		uint32_t era;		/* the newest era that begins before seq */
		struct era_times times;	/* the times of that era */
	} begin;			/* lock; the snapshot that will begin with the next fold */
	/* lock; counters for store_info(). */
	uint64_t commits, commit_pages, folds, over_marked;
};

/* Makes an error from the name of the metadata, `what` and the text of ret.  Returns ret. */
int store_io_error(struct store *s, struct err *err, int ret, const char *what);

/* Returns 0, or EROFS with a message if the store was opened with STORE_READ. */
int store_check_writable(struct store *s, struct err *err);

/*
 * A failed flush may have lost writes of any thread, and the kernel reports the failure only once.
 * So a thread calls store_lost_writes() before its writes, and passes the result to store_flush(),
 * which fails if any flush has failed in between.
 */
unsigned long store_lost_writes(struct store *s);
int store_flush(struct store *s, unsigned long lost_before);

/*
 * Makes s->group durable at the head of the journal: see journal_write().  Context: journal_lock.
 * Takes flush_lock.
 *
 * If the engine has durable writes, uses one.  The kernel may implement a durable write as a plain
 * write and a flush.  So a durable write that fails counts as a failed flush.  For the same reason,
 * a durable write never runs while another thread flushes, because each of the two could miss the
 * failure of the other.
 */
int store_write_group(struct store *s, unsigned int count, uint32_t era, enum erad_journal_type type);

/*
 * Sets the seq of sb to the next seq, and writes sb durably.  After a success, s->super is sb.
 * After a failure, sb may be on the disk nevertheless.  Context: fold_lock.
 */
int store_next_super(struct store *s, struct erad_disk_super *sb);

/* Updates s->snapshot after the snapshot in s->super has changed.  Context: fold_lock. */
void store_set_snapshot(struct store *s);

/*
 * Returns the era of the floor: every block counts as written in this era or later.  Context: lock.
 */
uint32_t store_floor(const struct store *s);

/*
 * Returns the newest era that the snapshot shows, or will show if the snapshot is requested and a fold
 * has not begun it yet.  0: there is no snapshot, and none is requested.  Context: lock.
 */
uint32_t store_snapshot_era(const struct store *s);

/* Returns how many pages of the ring are in use.  Takes lock. */
uint64_t store_journal_used(struct store *s);

#endif /* ERAD_STATE_H */
