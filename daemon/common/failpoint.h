/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Places at which a test has erad kill itself, as SIGKILL from outside would at
 * that very moment.  `make FAILPOINTS=1 BUILD=build/failpoints daemon` compiles
 * them in; otherwise nothing of this is in the program.
 *
 * ERAD_FAILPOINT in the environment names a file, in which a test can write
 * "NAME N" at any time: at the Nth passage of that point from then on the file
 * is emptied, for the next process to live, and the process killed.
 * "failpoint NAME" on standard error is the last that is heard of it.
 */
#ifndef ERAD_FAILPOINT_H
#define ERAD_FAILPOINT_H

/* tests/dm/kill reads the names here, one a line, with the part of the protocol before the dash. */
#define FAILPOINTS(X) \
	X(COMMIT_WRITTEN)	/* mark - a commit or an era is in the ring, not flushed */ \
	X(COMMIT_FLUSHED)	/* mark - flushed, the store does not know it yet */ \
	X(COMMIT_DURABLE)	/* mark - the batch is durable, COMMIT is not yet asked for */ \
	X(COMMIT_MIRRORED)	/* mark - and the mirror has it */ \
	X(COMMIT_FETCHED)	/* mark - COMMIT released it, the next batch is fetched */ \
	X(FOLD_FROZEN)		/* mark - a fold has begun and done nothing */ \
	X(FOLD_WROTE)		/* mark - some pages of the array are written, not flushed */ \
	X(FOLD_WRITTEN)		/* mark - all of them */ \
	X(FOLD_FLUSHED)		/* mark - the array is durable, the tail of the ring not moved */ \
	X(SUPER_WRITTEN)	/* mark - a superblock is written, not flushed */ \
	X(SUPER_FLUSHED)	/* mark - flushed, the store does not know it yet */ \
	X(FOLD_DONE)		/* mark - the tail is moved durably, its pages may be used again */ \
	X(ROLL_PREPARED)	/* era - PREPARE_ERA is done, the journal has no new era */ \
	X(ROLL_DURABLE)		/* era - the era is durable, NEW_ERA is not yet asked for */ \
	X(ROLL_DRAINING)	/* era - NEW_ERA is done, writes of the old era are in flight */ \
	X(ROLL_DRAINED)		/* era - they have completed, nobody was told */ \
	X(SNAP_ASKED)		/* snap - the era is begun, the snapshot asked for, not folded */ \
	X(SNAP_HELD)		/* snap - the snapshot is durable, nobody was told */ \
	X(SNAP_DROPPED)		/* snap - it is dropped, nobody was told */ \
	X(START_SET_UP)		/* standby - all is set up, the standby of an erad before not relieved */ \
	X(OPEN_SUPER)		/* start - the newest superblock is written again, not flushed */ \
	X(OPEN_JOURNAL)		/* start - the last group too */ \
	X(OPEN_FLUSHED)		/* start - flushed, CLEAN is still there */ \
	X(OPEN_DONE)		/* start - the store is open, the target not attached */ \
	X(ATTACH_OWNED)		/* start - attached, the era not compared */ \
	X(ATTACH_READY)		/* start - READY is done */ \
	X(DEGRADE_FLOOR)	/* degrade - all blocks count as written, no new era has begun */ \
	X(DEGRADE_DRAINED)	/* degrade - what passed has completed, the record is in force */ \
	X(DEGRADE_CLEARED)	/* degrade - it is not any more, nobody was told */ \
	X(FORMAT_GONE)		/* create - the old superblocks are gone */ \
	X(FORMAT_ZEROED)	/* create - all is zeros, there is no superblock */ \
	X(FORMAT_SUPER)		/* create - one superblock is written */ \
	X(HISTORY_WRITTEN)	/* create - a copy of the history is written, not flushed */ \
	X(HISTORY_FLUSHED)	/* create - flushed, no superblock names it */ \
	X(CREATE_FORMATTED)	/* create - the metadata is there, the table has no line */ \
	X(CREATE_LISTED)	/* create - the table has a line, the volume is not open */ \
	X(CREATE_TARGET)	/* create - the device is there, nobody was told */ \
	X(FIRST_DURABLE)	/* create - the first era is durable, the target has none */ \
	X(FIRST_BEGUN)		/* create - the target has it, and is not ready */ \
	X(CLOSE_FOLDED)		/* close - all is in the array, CLEAN is not set */ \
	X(RESIZE_LOADED)	/* resize - the new table is loaded, the old one is live */ \
	X(RESIZE_RESUMED)	/* resize - the new table is live, nobody was told */ \
	X(RESIZE_FOLDED)	/* resize - the journal is in the array, which has the old size */ \
	X(RESIZE_MARKED)	/* resize - the entries of new blocks are durable, the size is not */ \
	X(RESIZE_WRITTEN)	/* resize - one superblock has the new size, durably */ \
	X(RESIZE_SETTLED)	/* resize - both have, no era has begun */

enum failpoint {
#define FAILPOINT_ENUM(name)	FAILPOINT_##name,
	FAILPOINTS(FAILPOINT_ENUM)
#undef FAILPOINT_ENUM
	NR_FAILPOINTS
};

#ifdef ERAD_FAILPOINTS
void failpoint(enum failpoint at);
#else
static inline void failpoint(enum failpoint at)
{
	(void)at;
}
#endif

#endif /* ERAD_FAILPOINT_H */
