/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The BPF maps of a volume, /sys/fs/bpf/erad/NAME/{writeset,info,stats,events,writers},
 * as erad writes them and everybody may read them.  A dot in the volume's name
 * is a colon there, as bpffs has no dots.
 *
 * The *mirror*, `writeset`, holds the blocks recorded in the current era.  erad
 * writes it when their record is durable and before their writes go on, so
 * that at every instant
 *
 *	blocks that the module lets through  ⊆  mirror  ⊆  durable record.
 *
 * This does not hold while the module lets all writes pass because no erad is there
 * (ERAD_DEGRADED in erad_uapi.h): nobody updates these maps then.
 *
 * Nothing in the block I/O path reads it: the module has bits of its own.
 *
 * A new era, a restart of erad and a resize make a new writeset, and rename
 * its pin over the old one's; who has the old one keeps it, complete and no
 * longer written.  `info` and `stats` stay, as long as the volume is open.
 * info.writeset_id tells which writeset is the current one.
 *
 * These are arrays with BPF_F_MMAPABLE and BPF_F_RDONLY_PROG: readers may map
 * them, read-only; BPF programs cannot write them.  `events`, an array, and `writers`,
 * a hash, are written by BPF programs of erad's at the module's tracepoints, while
 * erad runs.
 */
#ifndef ERAD_MAPS_H
#define ERAD_MAPS_H

#include <linux/types.h>

#define ERAD_MAPS_DIR	"/sys/fs/bpf/erad"
#define ERAD_MAPS_GROUP	"erad"		/* may read the pins, if there is such a group */

/* The largest writeset, bytes; of a larger device, one bit stands for several blocks. */
#define ERAD_MAPS_CAP	(64u << 20)

/* Value of `writeset`.  Bit i of word w stands for the 2^shift blocks from (64 w + i) << shift on. */
struct erad_map_word {
	__u64 blocks;
};

/* erad_map_info.flags */
#define ERAD_MAP_DEGRADED	(1U << 0)	/* the writeset may lack blocks, or is missing */
#define ERAD_MAP_COARSE		(1U << 1)	/* shift is not 0 */

/* The value of `info`.  To read all of it: again, until seq is even and the same before and after. */
struct erad_map_info {
	__u64 seq;		/* odd while the rest changes */
	__u64 nr_blocks;
	__u32 writeset_id;	/* of the map at `writeset`, as the kernel counts maps; 0: there is none */
	__u32 flags;
	__u32 era;
	__u32 shift;
	__u32 block_sectors;	/* 512 bytes */
	__u32 state;		/* enum erad_state, as erad has seen it last; 0: closed */
	__u32 dev_major, dev_minor;	/* the mapped device */
	__u8 uuid[16];		/* of the metadata */
};

/* The value of `stats`.  All but `marked` grow, from the moment the volume was opened. */
struct erad_map_stats {
	__u64 commits;		/* batches of first writes that were mirrored */
	__u64 ranges;		/* of blocks, in those */
	__u64 marked;		/* bits that are set in the writeset */
	__u64 writesets;	/* made */
	__u64 failures;		/* batches, and writesets, that the mirror lacks */
};

#define ERAD_MAP_HOLD_SLOTS	40
#define ERAD_MAP_BATCH_SLOTS	24

/*
 * The value of `events`.  All grow, from the moment the volume was opened.  Slot i of
 * a histogram counts what is at least 2^i and less than 2^(i + 1); the first
 * one also counts 0, and the last one all that is larger.
 */
struct erad_map_events {
	__u64 released;		/* writes that were held until their blocks were recorded */
	__u64 failed;		/* that were held and got an I/O error */
	__u64 commits;		/* batches of them */
	__u64 rollovers;	/* eras that began */
	__u64 hold_ns;		/* that the released ones were held, in all */
	__u64 batch_writes;	/* in all the batches */
	__u64 hold[ERAD_MAP_HOLD_SLOTS];	/* released writes by ns that they were held */
	__u64 batch[ERAD_MAP_BATCH_SLOTS];	/* batches by their number of writes */
};

#define ERAD_MAP_WRITERS	2048	/* entries */

/* erad_map_writer.flags */
#define ERAD_MAP_OTHERS		(1U << 0)	/* all of the era that found no room; nothing else is set */

/*
 * A key of `writers`: who has written blocks first in an era.  Who submits the write
 * counts, so in writeback it is the kernel thread; its cgroup is the one that the
 * memory is charged to which is written.
 *
 * Best effort: what happens while erad cannot look is missing.  When room gets
 * scarce, the oldest eras go, each as a whole.
 */
struct erad_map_writer {
	__u64 cgroup;		/* id in the default hierarchy, the inode of its directory; 0: not known */
	__u32 era;
	__u32 flags;
	char comm[16];		/* of the task, ends with a 0; "kworker" for any worker of the kernel */
};

/* And the value. */
struct erad_map_written {
	__u64 blocks;		/* that no other write had been recorded for in that era */
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
