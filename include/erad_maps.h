/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The BPF maps of a volume, /sys/fs/bpf/erad/NAME/{writeset,info,stats,events,writers}.  erad
 * writes them.  root and the members of the group ERAD_MAPS_GROUP may read them.  A dot in the
 * volume's name is a colon in NAME, because bpffs allows no dots.
 *
 * The *mirror*, map `writeset`, contains the blocks that are recorded in the current era.  erad
 * writes blocks to the mirror after their record is durable, and before the module releases their
 * writes.  So at every instant
 *
 *	blocks that the module lets pass  ⊆  mirror  ⊆  durable record.
 *
 * This is not true while the module lets all writes pass because no erad can record them
 * (ERAD_DEGRADED in erad_uapi.h): nobody updates these maps then.  The mirror is not complete while
 * info.flags has ERAD_MAP_DEGRADED, either.
 *
 * Nothing in the block I/O path reads the mirror: the module has its own bits.
 *
 * After a new era, a restart of erad or a resize, there is a new map `writeset`.  Its pin is
 * renamed over the pin of the old map.  A reader that has opened the old map keeps the old map, but
 * erad no longer writes to it.  If the old map was replaced because of a new era, and the mirror
 * was complete, the old map contains all blocks that were recorded in its era.  `info` and `stats`
 * are the same maps as long as the volume is open.  info.writeset_id is the id of the current
 * `writeset`.
 *
 * `writeset`, `info` and `stats` are arrays with BPF_F_MMAPABLE and BPF_F_RDONLY_PROG: readers may
 * map them read-only, and BPF programs cannot write them.  `events`, an array, and `writers`, a
 * hash, are written by erad's BPF programs at the module's tracepoints, while erad runs.
 */
#ifndef ERAD_MAPS_H
#define ERAD_MAPS_H

#include <linux/types.h>

#define ERAD_MAPS_DIR	"/sys/fs/bpf/erad"
#define ERAD_MAPS_GROUP	"erad"		/* group whose members may read the pins, if it exists */

/*
 * Limit for the size of a writeset in bytes.  If a writeset with one bit for each block would be
 * larger, one bit stands for several blocks.
 */
#define ERAD_MAPS_CAP	(64u << 20)

/*
 * A value of the map `writeset`.  Bit i of word w stands for 2^shift blocks, the first of which is
 * (64 w + i) << shift.
 */
struct erad_map_word {
	__u64 blocks;
};

/* Bits of erad_map_info.flags. */
#define ERAD_MAP_DEGRADED	(1U << 0)	/* the writeset may lack blocks, or is missing */
#define ERAD_MAP_COARSE		(1U << 1)	/* the writeset is coarse: shift is not 0 */

/*
 * The value of the map `info`.  A reader must copy the value again until seq is even, and is the
 * same before and after the copy.
 */
struct erad_map_info {
	__u64 seq;		/* odd while the other fields change */
	__u64 nr_blocks;
	__u32 writeset_id;	/* the kernel's id of the map `writeset`; 0: there is no such map */
	__u32 flags;
	__u32 era;
	__u32 shift;
	__u32 block_sectors;	/* in 512-byte sectors */
	/* The enum erad_state that erad has last read.  0: the volume is closed. */
	__u32 state;
	__u32 dev_major, dev_minor;	/* number of the mapped device */
	__u8 uuid[16];		/* UUID of the metadata */
};

/*
 * The value of the map `stats`: counts since the volume was opened.  Only `marked` can become
 * smaller.
 */
struct erad_map_stats {
	__u64 commits;		/* batches that were written to the mirror */
	__u64 ranges;		/* ranges of blocks in these batches */
	__u64 marked;		/* bits that are set in the writeset */
	__u64 writesets;	/* number of maps `writeset` that were created */
	/* Batches that could not be written, and maps that could not be created. */
	__u64 failures;
};

#define ERAD_MAP_HOLD_SLOTS	40
#define ERAD_MAP_BATCH_SLOTS	24

/*
 * The value of the map `events`: counts since the volume was opened.  Slot i of a histogram counts
 * values of at least 2^i and less than 2^(i + 1).  Slot 0 also counts 0, and the last slot also
 * counts all larger values.
 */
struct erad_map_events {
	__u64 released;		/* held writes that were released */
	__u64 failed;		/* held writes that got an I/O error */
	__u64 commits;		/* batches that were committed */
	__u64 rollovers;	/* eras that began */
	__u64 hold_ns;		/* sum of the times for which the released writes were held */
	__u64 batch_writes;	/* sum of the numbers of writes in the batches */
	/* Released writes, by the time in ns for which they were held. */
	__u64 hold[ERAD_MAP_HOLD_SLOTS];
	__u64 batch[ERAD_MAP_BATCH_SLOTS];	/* batches, by their number of writes */
};

#define ERAD_MAP_WRITERS	2048	/* number of entries */

/* Bits of erad_map_writer.flags. */
/* The entry for all writers of the era without an entry of their own.  cgroup and comm are 0. */
#define ERAD_MAP_OTHERS		(1U << 0)

/*
 * A key of the map `writers`: a writer that was the first to write some blocks in an era.  The
 * writer is the task that submits the write.  In background writeback, the writer is a kernel
 * thread.  For a page of the page cache, cgroup is the cgroup to which the memory of the page is
 * charged.  Writes are not counted while erad does not run.  When the map is nearly full, erad
 * removes all entries of the oldest eras.
 */
struct erad_map_writer {
	/*
	 * Id of the cgroup in the default hierarchy, which is the inode number of its directory; 0:
	 * not known.
	 */
	__u64 cgroup;
	__u32 era;
	__u32 flags;
	/* Name of the task, with a final 0.  "kworker" for each worker of the kernel. */
	char comm[16];
};

/* A value of the map `writers`. */
struct erad_map_written {
	__u64 blocks;		/* blocks that this writer was the first to write in that era */
};

#ifdef __cplusplus
#define ERAD_MAPS_ASSERT(cond)	static_assert(cond, #cond)
#else
#define ERAD_MAPS_ASSERT(cond)	_Static_assert(cond, #cond)
#endif

ERAD_MAPS_ASSERT(sizeof(struct erad_map_word) == 8);
ERAD_MAPS_ASSERT(sizeof(struct erad_map_info) == 64);
ERAD_MAPS_ASSERT(sizeof(struct erad_map_stats) == 40);
ERAD_MAPS_ASSERT(sizeof(struct erad_map_events) == 560);
ERAD_MAPS_ASSERT(sizeof(struct erad_map_writer) == 32);

#endif /* ERAD_MAPS_H */
