/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Points at which a test makes erad kill itself with SIGKILL.  `make FAILPOINTS=1
 * BUILD=build/failpoints daemon` compiles the points in.  Without FAILPOINTS, the program contains
 * no code for them.
 *
 * The environment variable ERAD_FAILPOINT names a file.  A test writes "NAME N" into the file at
 * any time.  When the process passes the point for the Nth time after this write, it prints
 * "failpoint NAME" to standard error, empties the file and kills itself.  It empties the file
 * first, so that the next process survives.  With "NAME N stop", the process stops itself with
 * SIGSTOP instead.
 */
#ifndef ERAD_FAILPOINT_H
#define ERAD_FAILPOINT_H

/*
 * One point a line: its name, and the part of the protocol to which the point belongs.  The
 * function points of tests/dm/lib.sh reads these two words.  The comment says what has happened
 * when the process passes the point.
 */
#define FAILPOINTS(X) \
	X(COMMIT_WRITTEN, mark)		/* a batch or era is in the journal, not flushed */ \
	X(COMMIT_FLUSHED, mark)		/* a batch or era is flushed, head has not moved */ \
	X(COMMIT_DURABLE, mark)		/* the batch is durable, COMMIT is not called */ \
	X(COMMIT_MIRRORED, mark)	/* the batch is in the mirror, COMMIT is not called */ \
	X(COMMIT_FETCHED, mark)		/* COMMIT has released the writes */ \
	X(FOLD_FROZEN, mark)		/* a fold has begun, nothing is written */ \
	X(FOLD_WROTE, mark)		/* some pages of the array are written, not flushed */ \
	X(FOLD_WRITTEN, mark)		/* all pages of the array are written, not flushed */ \
	X(FOLD_FLUSHED, mark)		/* the array is durable, the tail has not moved */ \
	X(SUPER_WRITTEN, mark)		/* a superblock is written, not flushed */ \
	X(SUPER_FLUSHED, mark)		/* a superblock is flushed, memory contains the old one */ \
	X(FOLD_DONE, mark)		/* the tail has moved durably */ \
	X(ROLL_PREPARED, era)		/* PREPARE_ERA has returned, the journal contains no new era */ \
	X(ROLL_DURABLE, era)		/* the era is durable, NEW_ERA is not called yet */ \
	X(ROLL_DRAINING, era)		/* NEW_ERA has returned, the drain goes on */ \
	X(ROLL_DRAINED, era)		/* the drain has ended, the caller has no answer */ \
	X(TOGETHER_HELD, together)	/* one of several volumes has flipped, and commits nothing */ \
	X(SNAP_ASKED, snap)		/* the era has begun, no fold has begun */ \
	X(SNAP_HELD, snap)		/* the snapshot is durable, the caller has no answer */ \
	X(SNAP_DROPPED, snap)		/* the snapshot is dropped, the caller has no answer */ \
	X(START_SET_UP, standby)	/* erad is set up, the old standby still serves */ \
	X(OPEN_SUPER, start)		/* the newest superblock is written again, not flushed */ \
	X(OPEN_JOURNAL, start)		/* the last group is written again, not flushed */ \
	X(OPEN_FLUSHED, start)		/* superblock and group are flushed, CLEAN is still set */ \
	X(OPEN_DONE, start)		/* the store is open, the target is not attached */ \
	X(ATTACH_OWNED, start)		/* the target is attached, its era is not compared */ \
	X(ATTACH_READY, start)		/* READY has returned */ \
	X(DEGRADE_FLOOR, degrade)	/* all blocks count as written, no new era has begun */ \
	X(DEGRADE_DRAINED, degrade)	/* the drain has ended, the record is in force */ \
	X(DEGRADE_CLEARED, degrade)	/* the record has ended, the caller has no answer */ \
	X(FORMAT_GONE, create)		/* the old superblocks are gone */ \
	X(FORMAT_ZEROED, create)	/* the metadata is all zeros, there is no superblock */ \
	X(FORMAT_SUPER, create)		/* one superblock is written */ \
	X(HISTORY_WRITTEN, create)	/* a copy of the history is written, not flushed */ \
	X(HISTORY_FLUSHED, create)	/* the copy is flushed, no superblock names the copy */ \
	X(CREATE_FORMATTED, create)	/* the metadata is complete, eratab contains no line */ \
	X(CREATE_LISTED, create)	/* eratab names the volume, which is not open */ \
	X(OPEN_COMPARED, create)	/* gap=refuse: the origin is compared, no target exists */ \
	X(CREATE_TARGET, create)	/* the device exists, the caller has no answer */ \
	X(FIRST_DURABLE, create)	/* the first era is durable, the target has no era */ \
	X(FIRST_BEGUN, create)		/* the target has the first era, no READY yet */ \
	X(BELOW_LISTED, attach)		/* eratab contains the line, with the option "detaching" */ \
	X(BELOW_WRITTEN, attach)	/* the metadata is complete, LVM's locks are not taken */ \
	X(BELOW_LOCKED, attach)		/* LVM's locks are taken, the second check has passed */ \
	X(BELOW_FILTERED, attach)	/* LVM's configuration contains the pattern */ \
	X(BELOW_MADE, attach)		/* the device exists, with a linear table */ \
	X(BELOW_LOADED, attach)		/* the tables of the logical volumes are loaded */ \
	X(BELOW_SWAPPED, attach)	/* one logical volume has moved */ \
	X(BELOW_MOVED, attach)		/* the logical volumes lie on the device */ \
	X(BELOW_TRACKED, attach)	/* the device has the erad table */ \
	X(BELOW_MARKED, detach)		/* the line in eratab has the option "detaching" */ \
	X(BELOW_FREED, detach)		/* the logical volumes lie on the origin again */ \
	X(BELOW_GONE, detach)		/* the device is removed, eratab still contains the line */ \
	X(IMAGE_STORED, image)		/* the device of the store exists */ \
	X(IMAGE_SNAPPED, image)		/* the device of the image exists */ \
	X(IMAGE_MADE, image)		/* the device NAME-image-origin exists */ \
	X(IMAGE_LOADED, image)		/* the new table of the volume is loaded, the old one is live */ \
	X(IMAGE_SWAPPED, image_kept)	/* the volume lies on NAME-image-origin, the caller has no answer */ \
	X(TOGETHER_NOTED, images)	/* together: the note exists, no device does */ \
	X(TOGETHER_LOADED, images)	/* all new tables are loaded, all old ones live */ \
	X(TOGETHER_SUSPENDING, frozen)	/* a holder is about to suspend its volume */ \
	X(TOGETHER_FROZEN, frozen)	/* a holder has suspended its volume */ \
	X(TOGETHER_ALL_FROZEN, frozen)	/* all volumes are suspended, all old tables are live */ \
	X(TOGETHER_THAWED, frozen)	/* a holder has put its new table into use */ \
	X(TOGETHER_ALL_THAWED, frozen)	/* all new tables are in use, erad has no answer */ \
	X(TOGETHER_SERVED, images)	/* all new tables are served, the note exists */ \
	X(TOGETHER_FOUND, images_found)	/* erad has opened a note that is left */ \
	X(IMAGE_GONE, image_drop)	/* the device of the image is gone */ \
	X(IMAGE_RETURNED, image_drop)	/* the volume lies on its origin again */ \
	X(CLOSE_ENDED, close)		/* the device is gone, and the metadata contains a note */ \
	X(CLOSE_FOLDED, close)		/* the journal is folded, CLEAN is not set */ \
	X(HOME_MADE, home)		/* the new file for deleted metadata is empty */ \
	X(HOME_COPIED, home)		/* the new file contains the content, not flushed */ \
	X(HOME_FLUSHED, home)		/* the new file is complete, and has a name of its own */ \
	X(HOME_RENAMED, home)		/* the new file is at the path, and is not in use */ \
	X(RESIZE_LOADED, resize)	/* the new table is loaded, the old one is live */ \
	X(RESIZE_RESUMED, resize)	/* the new table is live, the caller has no answer */ \
	X(RESIZE_FOLDED, resize)	/* the journal is folded, no new block is marked */ \
	X(RESIZE_MARKED, resize)	/* new blocks are marked, the size is unchanged */ \
	X(RESIZE_WRITTEN, resize)	/* one superblock durably contains the new size */ \
	X(RESIZE_SETTLED, resize)	/* both superblocks contain the new size, no era has begun */

enum failpoint {
#define FAILPOINT_ENUM(name, ...)	FAILPOINT_##name,
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
