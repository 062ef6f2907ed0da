/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The metadata of one volume: which block was written in which era.
 *
 * include/erad_format.h has the format and the order of durability.  Here is
 * what callers see.
 *
 * Threads: one thread marks and begins eras (the commit thread); another may
 * fold; any number may diff or ask for the info meanwhile.  open and close
 * belong to one thread alone.
 *
 * Every failed call may be repeated; it leaves the metadata as if it had not
 * been made, or made in full.  Blocks marked by a call that failed may be
 * reported as written, all or some of them, never the other way round.
 */
#ifndef ERAD_STORE_H
#define ERAD_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "erad_format.h"
#include "erad_uapi.h"
#include "store/engine.h"

struct store;

struct store_geometry {
	uint8_t uuid[16];
	uint64_t nr_sectors;		/* of the tracked device */
	uint32_t block_sectors;		/* > 0, a multiple of 8 */
	uint64_t journal_pages;		/* 0: chosen from the size */
	uint32_t chunk_pages;		/* of the era array in one piece; 0: the default */
};

/*
 * Bytes of metadata that a volume needs, and in *written, unless NULL, how
 * many of them from the start are worth being allocated on creation (all
 * but the era array).  journal_pages 0: the default ring.
 */
uint64_t store_size(const struct store_geometry *g, uint64_t *written);

/*
 * Writes new, empty metadata (era 0) and makes it durable; whatever the
 * engine held is gone, and an interrupted format leaves nothing that opens.
 * Takes a ring as large as fits up to the default if journal_pages is 0;
 * ENOSPC with the needed size in the message if even the smallest does not fit.
 * progress, unless NULL, hears bytes done and bytes in all.  The engine
 * stays the caller's.
 */
int store_format(struct engine *e, const struct store_geometry *g,
		 void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx,
		 struct err *err);

enum store_mode {
	STORE_READ,		/* writes nothing: diff, check, info */
	STORE_WRITE,
};

/*
 * Reads the superblocks and replays the journal.  Refuses what is not erad
 * metadata (ENODATA if all of the superblock pages are zero, so that a new
 * device can be told from a broken one; EINVAL if they are something else),
 * what is damaged (EUCLEAN), and what a newer version wrote (EOPNOTSUPP).
 * STORE_WRITE refuses, with EOVERFLOW, metadata whose counters have come close to their
 * limits: such metadata can only be read.
 * In STORE_WRITE mode, makes durable what it found, as the process before may
 * have been killed before its flush, and takes CLEAN away.
 * Takes the engine over: it is destroyed by store_close(), and by a failed
 * store_open() too.
 */
int store_open(struct engine *e, enum store_mode mode, struct store **out, struct err *err);

/*
 * Ends the store and the engine and frees both, whatever it returns.  In
 * STORE_WRITE mode with clean, folds and marks the metadata clean first; an
 * error then says that this was not possible, and the next open replays.
 */
int store_close(struct store *s, bool clean, struct err *err);

struct store_info {
	uint8_t uuid[16];
	uint64_t nr_sectors, nr_blocks;
	uint32_t block_sectors;
	uint32_t era;			/* current; 0: none yet */
	uint64_t size_pages, used_pages;	/* 4 KiB; used: all but the free part of the ring */
	uint64_t journal_pages, journal_used;
	uint32_t chunk_pages;		/* of the era array in one piece; 0: there is no room for snapshots */
	uint64_t commits, commit_pages;	/* groups and pages appended since open */
	uint64_t folds;			/* completed since open */
	uint64_t over_marked;		/* blocks that folds have marked because their entry was damaged */
	uint32_t floor_era;		/* every block counts as written in it or later; 0: none */
	bool degraded;			/* store_degraded() */
	uint32_t snapshot_era;		/* the newest that the snapshot shows; 0: none is held */
	bool snapshot_lasts;
	uint64_t snapshot_sectors;	/* of the device when it was taken */
	bool clean;			/* as found by open */
	uint64_t gaps;			/* since the metadata was made; see store/history.h */
};

/* Takes no lock that is held over I/O. */
void store_info(struct store *s, struct store_info *info);

/*
 * Begins era `era`, which must be larger than the current one; durable on
 * return.  EOVERFLOW for UINT32_MAX, which is never used.
 */
int store_begin_era(struct store *s, uint32_t era, struct err *err);

/*
 * The same, and asks for a snapshot of everything before: what store_diff()
 * with a view of STORE_SNAPSHOT will show once the next store_fold() has
 * returned 0.  lasts: it is kept until it is dropped; else it ends with
 * the process.  EBUSY if one is held, ENOSPC if the metadata has no room for it.
 */
int store_begin_snapshot(struct store *s, uint32_t era, bool lasts, struct err *err);

/* Drops the snapshot, held or about to be; durable on return.  ENOENT if there is none. */
int store_drop_snapshot(struct store *s, struct err *err);

/*
 * The tracked device has another size now.  Blocks that it gains count as written in the
 * current era, also a last block that was not a whole one: they are in no copy of the
 * device that was made before.  Writes 4 bytes for each of these blocks.  A snapshot stays as it is.
 * Durable on return.  No mark, no era may be under way.  ENOSPC if the metadata device is too small.
 */
int store_resize(struct store *s, uint64_t nr_sectors, struct err *err);

/*
 * Sees to it, before a resize, that it will have room: makes a file longer,
 * and changes nothing else.  ENOSPC if the metadata device is too small.  Any
 * thread, at any time.
 */
int store_make_room(struct store *s, uint64_t nr_sectors, struct err *err);

/*
 * Records that blocks are being written in the current era; all of them are durable on
 * return.  Ranges in any order, overlapping or not, up to ERAD_MAX_RANGES,
 * all within the device (EINVAL).  Where the ring is full, folds first.
 *
 * The memory for marks comes from a pool; neither this call nor a fold calls the heap.  Where the
 * pool does not suffice, records a part of the blocks, folds, and goes on with the rest.
 */
int store_mark(struct store *s, const struct erad_range *r, unsigned int nr, struct err *err);

/*
 * Whether the pool has less than half of the memory that it should have; cheap, never blocks for long.
 *
 * store_fill_pool(): gets the rest from the heap, and returns to the heap what the pool has too much.  True if
 * anything was missing.  For a thread that nobody waits for: it may wait for memory, and holds no lock meanwhile.
 */
bool store_pool_low(struct store *s);
bool store_fill_pool(struct store *s);

/* Whether enough is in the ring that a fold pays; cheap, never blocks for long. */
bool store_wants_fold(struct store *s);

/*
 * Moves everything that is in the journal at the time of the call into the
 * era array and lets the tail follow.  Marks may go on meanwhile.
 */
int store_fold(struct store *s, struct err *err);

/*
 * Calls fn, in ascending order and with no lock held, for each maximal extent
 * of blocks whose era is `since` or newer; since 0 gives the whole device.
 * What is marked while it runs may or may not be in it; what was marked
 * before it began is.  EINVAL if `since` has not begun.  A damaged array sector is reported as written.
 * A non-zero value from fn ends it and is returned.
 */
int store_diff(struct store *s, uint32_t since,
	       int (*fn)(void *ctx, uint64_t first, uint64_t len), void *ctx, struct err *err);

enum store_view {
	STORE_NOW,
	STORE_SNAPSHOT,
};

/*
 * The same for either view.  With STORE_SNAPSHOT: ENOENT if none is held,
 * ESTALE if it is dropped meanwhile.
 */
int store_diff_view(struct store *s, enum store_view which, uint32_t since,
		    int (*fn)(void *ctx, uint64_t first, uint64_t len), void *ctx,
		    struct err *err);

/*
 * The same two, store_diff_view() and store_eras(), which also call look, with ctx, at each MiB of the array: what
 * is found may be far apart.  A non-zero value from look ends them and is returned.
 */
int store_diff_watched(struct store *s, enum store_view which, uint32_t since,
		       int (*fn)(void *ctx, uint64_t first, uint64_t len), int (*look)(void *ctx),
		       void *ctx, struct err *err);
int store_eras_watched(struct store *s, enum store_view which,
		       int (*fn)(void *ctx, uint64_t first, uint64_t len, uint32_t era),
		       int (*look)(void *ctx), void *ctx, uint64_t *damaged, struct err *err);

/*
 * Calls fn, in ascending order and with no lock held, for each maximal run of
 * blocks that were last written in the same era; those that never were are
 * left out.  What is marked while it runs may or may not be in it.  A damaged
 * array sector is reported as written in the newest era and its blocks are
 * counted in *damaged; EUCLEAN if damaged is NULL.  A non-zero value from fn
 * ends it and is returned.
 */
int store_eras(struct store *s, enum store_view which,
	       int (*fn)(void *ctx, uint64_t first, uint64_t len, uint32_t era), void *ctx,
	       uint64_t *damaged, struct err *err);

/*
 * The module lets all writes pass when no daemon comes back for too long, and leaves a
 * record of this in the metadata (erad_format.h): the degrade record.
 *
 * store_degrade_record() gives the record that the target is to write if that happens, and
 * the 512-byte sector of the metadata device that is its place; the rest of the sector's
 * page is to stay zeros.  To be given to the target before it becomes READY, each time.
 * ENOTSUP: the metadata is a file.  EINVAL: no era has begun.
 *
 * store_degraded(): open has found a record in force, or store_set_floor() was called, and
 * store_clear_degraded() has not returned 0 since.  While it is true and the floor is
 * not set, every block is reported as written in the current era.
 *
 * store_wants_floor(): a record is in force, and store_set_floor() has not returned 0 since the
 * record was found.  Any thread.
 *
 * After a degrade, however it is known (a record found, or the target says so), in this order:
 *
 *	1. store_set_floor(): every block counts as written in the current era, or in
 *	   the record's if that is newer, which begins then.  Durable on return.
 *	2. store_begin_era().
 *	3. The target holds writes again, and the writes that it had let pass have completed.
 *	4. store_degrade_record(), and the target has got this record in the place of the last.
 *	5. store_clear_degraded(): the last record is no longer in force.  Durable on return.
 *	   EINVAL without steps 1 and 4.  If nothing is to be cleared: 0.
 *
 * store_find_degraded(): looks for a record once more, because the target may have written
 * one since the metadata was opened.  To be called after the owner has attached, and
 * before a diff that is to have all that has completed by then.  Any thread.  A negative
 * errno if the record cannot be read.
 *
 * Steps may be repeated; a failure or a crash at any point only makes the next open find a
 * record again.  From the thread that marks and begins eras.
 */
int store_degrade_record(struct store *s, uint64_t *sector, uint8_t content[ERAD_SECTOR]);
int store_find_degraded(struct store *s, struct err *err);
bool store_degraded(struct store *s);
bool store_wants_floor(struct store *s);
int store_set_floor(struct store *s, struct err *err);
int store_clear_degraded(struct store *s, struct err *err);

/*
 * Examines everything, writes nothing, calls complain with a sentence for each
 * fault found (where it is, what was got, what was expected).  Returns the
 * number of faults or a negative errno.  Takes over the engine.
 */
int store_check(struct engine *e, void (*complain)(void *ctx, const char *what), void *ctx,
		struct store_info *info, struct err *err);

#endif /* ERAD_STORE_H */
