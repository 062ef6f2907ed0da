/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The metadata of one volume: which block was written in which era.  include/erad_format.h
 * describes the format and the order of durability.  This header describes the functions for
 * callers.
 *
 * Threads: one thread at a time marks and begins eras: the volume thread or, before the volume
 * thread has started, the thread that opens the volume.  Another thread may fold.  At the same
 * time, any number of threads may diff or read the info.  During store_open() and store_close(),
 * only one thread may use the store.
 *
 * A failed call may be repeated.  After a failure, the metadata is either unchanged, or as after a
 * success, with two exceptions.  A failed mark may have recorded some of its blocks, which are then
 * reported as written.  After a failed store_format(), nothing can be opened, and the former
 * content is lost.  A block whose mark has succeeded is always reported.
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
	uint64_t nr_sectors;		/* size of the tracked device in 512-byte sectors */
	uint32_t block_sectors;		/* size of a block in sectors; never 0; a multiple of 8 */
	/* Size of the journal in pages; 0: depends on the size of the device. */
	uint64_t journal_pages;
	/* Size of a piece of the era array in pages; 0: the default. */
	uint32_t chunk_pages;
};

/*
 * Returns how many bytes of metadata a volume needs, with room for snapshots, or 0 if the geometry
 * is not possible.  Unless written is NULL, sets *written to the number of bytes, from the start,
 * that should be allocated at creation: all except the era array and its copies.
 */
uint64_t store_size(const struct store_geometry *g, uint64_t *written);

/*
 * Writes new, empty metadata (era 0) durably.  The former content of the engine is lost.  An
 * interrupted format leaves nothing that can be opened.  If the engine is too small for all of the
 * metadata, first gives up the room for snapshots.  Then, if journal_pages is 0, makes the ring
 * smaller than the default.  ENOSPC: the metadata does not fit even so; the message has the needed
 * size.  progress, unless NULL, is called with the number of bytes that are done, and the number of
 * all bytes.  The engine still belongs to the caller.
 */
int store_format(struct engine *e, const struct store_geometry *g,
		 void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx,
		 struct err *err);

enum store_mode {
	STORE_READ,		/* writes nothing; for diff, check and info */
	STORE_WRITE,
};

/*
 * Reads the superblocks and replays the journal.  In STORE_WRITE mode, also makes durable what was
 * read, because the previous process may have been killed before its flush; clears CLEAN; drops a
 * snapshot that is not a lasting one; and removes copies of the file that crashes have left.  The
 * engine belongs to the store: store_close() destroys it, and so does a store_open() that fails.
 *
 * ENODATA	all superblock pages are zeros: a new device
 * EINVAL		this is no metadata of erad
 * EUCLEAN	the metadata is damaged
 * EOPNOTSUPP	a newer version has written the metadata
 * EOVERFLOW	in STORE_WRITE mode: the metadata can only be read, because counters are close to
 *		their limits, or because old metadata has no room for the history
 */
int store_open(struct engine *e, enum store_mode mode, struct store **out, struct err *err);

/*
 * Closes the store, and frees the store and the engine, also on failure.  clean true, in
 * STORE_WRITE mode: first folds and marks the metadata clean.  If this fails, returns an error, and
 * the next open replays the journal.
 */
int store_close(struct store *s, bool clean, struct err *err);

struct store_info {
	uint8_t uuid[16];
	uint64_t nr_sectors, nr_blocks;
	uint32_t block_sectors;
	uint32_t era;			/* current era; 0: no era has begun */
	/* When the current era began, in seconds since 1970; 0: not known. */
	uint64_t era_time;
	/* As era_time, but for the newest era that a checkpoint has requested. */
	uint64_t checkpoint_time;
	/* In pages of 4 KiB.  The free part of the ring does not count as used. */
	uint64_t size_pages, used_pages;
	uint64_t journal_pages, journal_used;
	/* Size of a piece of the era array in pages; 0: no room for snapshots. */
	uint32_t chunk_pages;
	/* Number of groups, and of pages, appended since the open. */
	uint64_t commits, commit_pages;
	uint64_t folds;			/* number of folds completed since the open */
	/* Number of blocks that folds have marked because their entries were damaged. */
	uint64_t over_marked;
	/* Every block counts as written in this era or later; 0: there is no floor. */
	uint32_t floor_era;
	bool degraded;			/* as store_degraded() returns it */
	uint32_t snapshot_era;		/* newest era that the snapshot shows; 0: no snapshot */
	/* The floor of the snapshot, at most snapshot_era; 0: no floor. */
	uint32_t snapshot_floor_era;
	bool snapshot_lasts;
	/* Size of the device in sectors when the snapshot was taken; 0: no snapshot. */
	uint64_t snapshot_sectors;
	bool clean;			/* the metadata was clean when it was opened */
	/* Number of gaps since the metadata was made: see store/history.h. */
	uint64_t gaps;
};

/* Reads the state of the store.  Takes no lock that is held over I/O. */
void store_info(struct store *s, struct store_info *info);

/*
 * Begins era `era`, which must be larger than the current era.  Durable when this returns.
 * EOVERFLOW for UINT32_MAX, which is never used.
 */
int store_begin_era(struct store *s, uint32_t era, struct err *err);

/*
 * Begins an era as store_begin_era() does, and sets checkpoint_time in the info.  Call this for an
 * era that somebody has requested.
 */
int store_checkpoint(struct store *s, uint32_t era, struct err *err);

/*
 * Begins an era, as store_begin_era() does, and requests a snapshot of everything before the era.
 * When the next store_fold() has returned 0, store_diff_view() with STORE_SNAPSHOT shows the
 * snapshot.
 *
 * lasts true: the snapshot is kept until it is dropped, and the call sets checkpoint_time in the
 * info, as store_checkpoint() does.  lasts false: the snapshot ends with the process, and
 * checkpoint_time does not change.  EBUSY: there is a snapshot.
 * ENOSPC: the metadata has no room for snapshots.
 */
int store_begin_snapshot(struct store *s, uint32_t era, bool lasts, struct err *err);

/*
 * Drops the snapshot, even if it has not begun yet.  Durable when this returns.  ENOENT: there is
 * no snapshot.
 */
int store_drop_snapshot(struct store *s, struct err *err);

/*
 * Changes the size of the tracked device in the metadata.  New blocks of the device, and a last
 * block that was incomplete, count as written in the current era, because no earlier copy of the
 * device contains them.  Writes 4 bytes for each of these blocks.  A snapshot does not change.
 * Durable when this returns.  The caller must not mark or begin an era at the same time.  ENOSPC:
 * the metadata device is too small.
 */
int store_resize(struct store *s, uint64_t nr_sectors, struct err *err);

/*
 * Ensures that a later resize has room: extends a file, and changes nothing else.  ENOSPC: the
 * metadata device is too small.  Any thread may call this at any time.
 */
int store_make_room(struct store *s, uint64_t nr_sectors, struct err *err);

/*
 * Records that blocks are being written in the current era.  All records are durable when this
 * returns 0.  There may be up to ERAD_MAX_RANGES ranges, in any order, which may overlap.  EINVAL:
 * a range is not within the device, or no era has begun.  If the ring is full, folds first.
 *
 * The memory for marks comes from a pool; neither this call nor a fold calls the heap.  If the pool
 * has too little memory, records a part of the blocks, folds, and goes on with the rest.
 */
int store_mark(struct store *s, const struct erad_range *r, unsigned int nr, struct err *err);

/*
 * store_pool_low() returns whether the pool has less than half of the memory that it should have.
 * It takes little time.
 *
 * store_fill_pool() gets the missing memory from the heap, and returns surplus memory to the heap.
 * It returns true if memory was missing.  It may wait for memory, with no lock held, so the caller
 * must be a thread for which nobody waits.
 */
bool store_pool_low(struct store *s);
bool store_fill_pool(struct store *s);

/*
 * Returns whether a fold is due: the ring is half full, or the marks use much memory.  Takes little
 * time, and never waits for long.
 */
bool store_wants_fold(struct store *s);

/*
 * Moves everything that is in the journal at the time of the call into the era array, and moves the
 * tail.  If a snapshot was requested, begins the snapshot.  Other threads may mark blocks during
 * the fold.
 */
int store_fold(struct store *s, struct err *err);

/*
 * Calls fn, in ascending order and with no lock held, for each maximal extent of blocks whose era
 * is `since` or newer.  since 0: the whole device.  The result contains all blocks that were marked
 * before the call, and may contain blocks that are marked during the call.  A damaged sector of the
 * array is reported as written.  EINVAL: era `since` has not begun.  A non-zero value from fn ends
 * the call and is returned.
 */
int store_diff(struct store *s, uint32_t since,
	       int (*fn)(void *ctx, uint64_t first, uint64_t len), void *ctx, struct err *err);

enum store_view {
	STORE_NOW,
	STORE_SNAPSHOT,
};

/*
 * Lists extents as store_diff() does, from the current eras or from the snapshot.  STORE_SNAPSHOT:
 * ENOENT if there is no snapshot, ESTALE if the snapshot is dropped during the call.
 */
int store_diff_view(struct store *s, enum store_view which, uint32_t since,
		    int (*fn)(void *ctx, uint64_t first, uint64_t len), void *ctx,
		    struct err *err);

/*
 * These functions do the same as store_diff_view() and store_eras(), but also call look(ctx) before
 * each MiB of the array.  A non-zero value from look ends the call and is returned.  So the caller
 * can end a call even if a long time passes between two calls of fn.
 */
int store_diff_watched(struct store *s, enum store_view which, uint32_t since,
		       int (*fn)(void *ctx, uint64_t first, uint64_t len), int (*look)(void *ctx),
		       void *ctx, struct err *err);
int store_eras_watched(struct store *s, enum store_view which,
		       int (*fn)(void *ctx, uint64_t first, uint64_t len, uint32_t era),
		       int (*look)(void *ctx), void *ctx, uint64_t *damaged, struct err *err);

/*
 * Calls fn, in ascending order and with no lock held, for each maximal run of blocks that were last
 * written in the same era.  Leaves out blocks that were never written.  Blocks that are marked
 * during the call may or may not be in the result.  A non-zero value from fn ends the call and is
 * returned.
 *
 * The blocks of a damaged sector of the array are reported as written in the newest era, and are
 * counted in *damaged.  If damaged is NULL, a damaged sector ends the call with EUCLEAN.
 */
int store_eras(struct store *s, enum store_view which,
	       int (*fn)(void *ctx, uint64_t first, uint64_t len, uint32_t era), void *ctx,
	       uint64_t *damaged, struct err *err);

/*
 * Sets *era to the newest era in which one of the blocks first … first + len - 1 was written, or to
 * 0 if none was ever written.  Reads few pages of the array.  A damaged sector counts as written in
 * the current era.  ERANGE: one of the blocks does not exist, or len is 0 or more than 4096.
 */
int store_newest_era(struct store *s, uint64_t first, uint64_t len, uint32_t *era, struct err *err);

/*
 * The degrade record.  If no daemon comes back for too long, the module lets all writes pass, and
 * writes this record to the metadata (erad_format.h).
 *
 * store_degrade_record() makes the record that the target must write in this case.  *sector
 * receives the place of the record on the metadata device, in 512-byte sectors; `content` receives
 * the record.  The rest of the sector's page stays zeros.  The target must receive a record with
 * each READY.  ENOTSUP: the metadata is a file.  EINVAL: no era has begun.
 *
 * store_degraded() returns true from the moment when a record was found in force, or
 * store_set_floor() was called, until store_clear_degraded() returns 0.  While it is true and the
 * floor is not set, every block is reported as written in the current era.
 *
 * store_wants_floor() returns true if a record is in force and store_set_floor() has not returned 0
 * since the record was found.  Any thread may call it.
 *
 * If a record was found, or the target has reported a degrade, take these steps in this order:
 *
 * 1. store_set_floor(): every block counts as written in the current era.  If the record's era is
 *    newer, that era begins, and the blocks count as written in that era.  Durable on return.
 * 2. store_begin_era().
 * 3. The target holds writes again, and the writes that it had let pass have completed.
 * 4. store_degrade_record(): the target receives this record in place of the previous record.
 * 5. store_clear_degraded(): the previous record, which step 4 has replaced, is no longer in force.
 *    Durable on return.  EINVAL unless steps 1 and 4 were taken; for a file, only step 1 is needed.
 *    Returns 0 if there is nothing to clear.
 *
 * store_find_degraded() looks for a record again, because the target may have written a record
 * since the metadata was opened.  Call it after ATTACH, and before a diff that must contain all
 * completed writes.  Any thread may call it.  Returns 0, whether or not it has found a record, or a
 * negative errno if the record cannot be read.
 *
 * Steps may be repeated.  After a failure or a crash at any point, the next open finds a record
 * again.  Context: the thread that marks and begins eras, unless a function says otherwise.
 */
int store_degrade_record(struct store *s, uint64_t *sector, uint8_t content[ERAD_SECTOR]);
int store_find_degraded(struct store *s, struct err *err);
bool store_degraded(struct store *s);
bool store_wants_floor(struct store *s);
int store_set_floor(struct store *s, struct err *err);
int store_clear_degraded(struct store *s, struct err *err);

/*
 * Examines all of the metadata, and writes nothing.  Calls complain with a sentence for each fault:
 * the place, the value that was found, and the value that was expected.  Returns the number of
 * faults, or a negative errno.  If the metadata is too damaged to be opened, this is one fault.
 * Otherwise fills in info, unless info is NULL.  Destroys the engine.
 */
int store_check(struct engine *e, void (*complain)(void *ctx, const char *what), void *ctx,
		struct store_info *info, struct err *err);

#endif /* ERAD_STORE_H */
