/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The on-disk format of erad's metadata, version 2, and the rules that make it safe.
 *
 * Everything is little-endian and laid out in 4 KiB pages:
 *
 *	page 0, 1		superblock A, B
 *	page 2			degrade record
 *	page 3 .. 10		history, copy 0
 *	page 11 .. 18		history, copy 1
 *	journal_start ..	journal ring, journal_pages pages
 *	array_start ..		era array, array_pages pages, and room for copies of them
 *
 * The journal is a write-ahead log.  A commit appends its blocks to the journal.  The *fold* later
 * writes these blocks into the era array, which stores, for each block, the newest era in which the
 * block was written.  Then the fold moves the journal's tail.  The era of a block is the largest of
 * three values: its entry in the array; the eras of all journal records from the tail on that
 * contain the block; and the *floor*.
 *
 * Order: for each step, what must be durable before it.
 *	releasing a write	its journal group
 *	acknowledging an era	its ERA_BEGIN group
 *	moving the tail		the array pages of all records before the new tail
 *	reusing a ring page	a superblock whose tail is past this page
 *	changing an array page	the copy of the page, while there is a snapshot
 *	a larger nr_sectors	the entries of the blocks that the device gains
 *	any step after open	everything that open has read, because a killed process may not
 *				have flushed it
 *	a superblock that names	all pages of this copy of the history
 *	  a copy of the history
 *	letting a write of a	the superblock that drops the seal, adds the timeline, and
 *	  new target through	notes that the target is in its table
 *	passing all writes	the degrade record; the module writes it, with FUA
 *	then, in this order:
 *	  beginning an era	the floor
 *	  holding writes again	the ERA_BEGIN group of this era
 *	  raising the serial	no further write.  But before this step, the module must hold
 *				writes again, must have drained the writes that it let pass,
 *				and must have a record with the next serial
 * Each step may be repeated, so after a crash at any point only work is lost.
 *
 * There is no second copy of the writeset: the blocks of the current era are folded into the array
 * like the blocks of older eras.  This has three advantages: a fold always makes room in a full
 * ring, a fold needs no further space, and recovery reads only the ring, however large the device
 * is.
 *
 * The floor, floor_era in the superblock: every block counts as written in this era or later.  The
 * floor only grows, and is never newer than the current era.  A change of the floor is one write of
 * a superblock, however large the device is.
 *
 * The *history* stores what the array cannot express:
 *
 *  - the *gaps*, which are the times when writes may have gone past erad;
 *  - the *timelines*, one for each activation;
 *  - the *bookmarks*, which are names for moments;
 *  - the identity of the origin;
 *  - the *seal*, by which an open finds out whether the origin was written while the volume was
 *    closed;
 *  - the *witness*, which replaces the seal after a crash.  It names an era, and an open compares
 *    only places whose blocks were not written in this era or later.  It also has the UUID of the
 *    file system, or of other content, at the start of the origin.
 *
 * history_seq in the superblock names the copy in force.  A change of the history is one
 * transaction with the change of the superblock that belongs to it:
 *
 *	1. the whole history, with seq = history_seq + 1, goes to the copy that is not in force
 *	2. flush
 *	3. one superblock, with the new history_seq and, for example, the floor of a gap
 *	4. flush
 *
 * After a crash before step 4 has ended, there are two cases.  Either the old superblock is valid,
 * and the old copy is untouched; or the new superblock is valid, and the new copy is durable.  So
 * no gap is ever logged without its floor, and no floor of a gap is ever raised without its line in
 * the log.  If step 3 or 4 fails, nobody knows which of the two superblocks is on the disk, so a
 * superblock with the old history_seq is made durable before the copy is written again.
 *
 * A gap raises the floor to the current era.  The volume begins a new era before it lets a write
 * through, so a diff since the new era is exact again.
 *
 * A *timeline* is a random number for the eras from its first era to the first era of the next
 * timeline.  Metadata that is restored from an older copy counts the same eras again, but has other
 * random numbers for them.  So an era together with the number of its timeline names one moment.
 *
 * Metadata without ERAD_INCOMPAT_HISTORY has no history: its ring begins at page 3.  The first open
 * for writing takes the pages for the history from the front of the ring.  The order:
 *
 *	1. a fold: the journal is empty
 *	2. a superblock with the bit, a ring that begins 16 pages later, a tail beyond
 *	   all pages that were ever written to the ring, and no history
 *	3. the same in the other superblock: only after this may anything be written to these
 *	   16 pages, or to the ring
 *
 * After a crash before step 2 is durable, the ring is unchanged.  After step 3, both superblocks
 * agree.  If a ring has no 16 pages to spare, the metadata is refused for writing.
 *
 * The *degrade record* says: from now on any block may be written without a mark, in `era` or
 * later.  The module writes the record when it must let writes pass that no daemon can record.  The
 * daemon passes the content to the module beforehand.  The daemon itself writes this page only to
 * format it, or to replace content that is not a record, and never while the module may write the
 * page.
 *
 * A record is in force unless its serial is smaller than degrade_serial in the superblock.  While a
 * record is in force, every block counts as written in the current era.  To end a record, the
 * daemon raises degrade_serial and does not write the page, so that no late write of a daemon can
 * overwrite a record of the module.  After a crash before degrade_serial is raised, the record is
 * found again, and every block counts as written once more.
 *
 * A *snapshot* keeps the content of the array at the beginning of an era, while marks and folds
 * continue: before the first fold that changes a page, a copy of the page is saved.  There is at
 * most one snapshot.  A lasting snapshot exists until it is dropped; a snapshot that is not lasting
 * ends with the process that reads it.  Each snapshot begins with an era of its own, so the era
 * distinguishes its copies from the copies of any other snapshot.
 *
 * What a device must promise: the write of one aligned 512-byte sector happens or does not happen.
 * Larger writes may be torn between sectors.  So there is a checksum in each sector of the
 * superblocks, of the degrade record and of the array, and in each copy of the history.
 *
 * Example: a device of 1 GiB in blocks of 64 KiB, with the default layout.
 *
 *	nr_sectors		1 GiB / 512 = 2097152, with block_sectors 128
 *	nr_blocks		2097152 / 128 = 16384
 *	pages 19 .. 1042	the ring, journal_pages 1024 (4 MiB)
 *	pages 1043 .. 1059	the array, array_pages 17: ceil(16384 / (8 * 124))
 *	pages 1299 .. 1315	the copies of these pages, array_chunk 256 pages further
 *
 * So the metadata ends after 1316 pages, 5390336 bytes.  Now block 1000 is written in era 2, and
 * journal_tail is 5:
 *
 *	commit		page 7 of the sequence is the next page.  It goes to page
 *			19 + 7 % 1024 = 26: type MARK, era 2, index 0, count 1, nr_runs 1,
 *			bytes 3, and the payload e8 07 01: the gap 1000 as LEB128, and the
 *			length 1
 *	flush		the write is released: after a crash, replay reads pages 5, 6, 7 of the
 *			sequence, and finds block 1000
 *	fold		of pages 5, 6 and 7: block 1000 is entry 1000 % 124 = 8 of sector
 *			1000 / 124 = 8, which is sector 0 of page 1 of the array, page 1044.
 *			The entry becomes 2
 *	flush		the array is durable
 *	superblock	with seq 12, so in page 0, because seq 12 is even: journal_tail becomes 8,
 *			and the pages 5, 6, 7 of the sequence may be used again
 *
 * Caveats:
 *  - The array does not show writes that did not go through the target.  Whoever finds out about
 *    these writes logs a gap.
 *  - A metadata file that is replaced by an older copy has the same UUID, and counts the same eras
 *    again.  Only the timelines show the difference.
 *  - The time at which an era began is the time of the machine's clock.  Nothing depends on it.
 *  - The number of an era has 32 bits and does not wrap around.  In the last era, a checkpoint
 *    fails.
 *  - A block may be listed although its write failed, or was never released.  Readers must take a
 *    listed block as "may have been written".
 *  - If a file system loses a completed flush, the order above is broken.  Pages may be lost, and
 *    only the loss of a journal page is noticed, by `durable`.
 */
#ifndef ERAD_FORMAT_H
#define ERAD_FORMAT_H

#include <linux/types.h>

#define ERAD_PAGE		4096u
#define ERAD_SECTOR		512u

#define ERAD_SUPER_MAGIC	"erad\r\n\x1a\n"	/* 8 bytes, without a final 0 */
#define ERAD_FORMAT_VERSION	2u

#define ERAD_SUPER_A		0u	/* in pages */
#define ERAD_SUPER_B		1u
#define ERAD_DEGRADE		2u
#define ERAD_HISTORY		3u
#define ERAD_HISTORY_PAGES	8u	/* in pages, for each of the two copies */
#define ERAD_JOURNAL_START	(ERAD_HISTORY + 2 * ERAD_HISTORY_PAGES)
/* Where the ring begins in metadata without ERAD_INCOMPAT_HISTORY. */
#define ERAD_JOURNAL_START_OLD	3u

#define ERAD_JOURNAL_MIN	16u	/* in pages: four groups of the largest size */
#define ERAD_JOURNAL_MAX	65536u	/* in pages; each open reads all of them */
#define ERAD_GROUP_MAX		4u	/* limit of the pages in one group: 16 KiB */
#define ERAD_CHUNK_MAX		65536u	/* in pages; see array_chunk */

/* Bits of sb.flags. */
/* The metadata was closed with an empty journal.  An open for writing clears this bit. */
#define ERAD_SB_CLEAN		(1u << 0)
/* The snapshot is a lasting one.  Without this bit, an open for writing drops the snapshot. */
#define ERAD_SB_SNAP_LASTS	(1u << 1)
/* The seal in the history is in force.  A new timeline clears this bit. */
#define ERAD_SB_SEALED		(1u << 2)

/* Bits of sb.incompat. */
#define ERAD_INCOMPAT_HISTORY	(1ULL << 0)	/* there is a history, and history_seq is valid */

/*
 * One sector at the start of page A or B; the rest of the page is zero.  The valid superblock with
 * the larger seq is in force.  Writes alternate between the pages: an odd seq belongs to B.  If
 * incompat has an unknown bit, refuse to open the metadata.  If ro_compat has an unknown bit, open
 * it read-only.
 */
struct erad_disk_super {
	__le32 csum;		/* crc32c of bytes 4..511 */
	__le32 version;
	__u8 magic[8];
	__le64 compat;
	__le64 ro_compat;
	__le64 incompat;
	__u8 uuid[16];
	__le64 seq;
	__le64 nr_sectors;	/* size of the tracked device in 512-byte sectors */
	__le64 nr_blocks;	/* ceil(nr_sectors / block_sectors) */
	__le32 block_sectors;
	__le32 era;		/* the newest era that began before journal_tail; 0: none */
	__le64 journal_start;	/* page where the ring begins */
	__le64 journal_pages;
	__le64 array_start;	/* page where the array begins */
	__le64 array_pages;	/* pages of the array, without the copies */
	__le64 journal_tail;	/* sequence number of the first page to replay */
	__le32 flags;
	/* In pages: see struct erad_disk_eras.  0: there is no room for snapshots. */
	__le32 array_chunk;
	__le64 snap_nr_sectors;	/* nr_sectors when the snapshot was taken */
	__le32 snap_era;	/* newest era that the snapshot shows; 0: there is no snapshot */
	__le32 snap_floor_era;	/* the floor of the snapshot, at most snap_era; 0: there is none */
	__le64 degrade_serial;	/* degrade records with a smaller serial are not in force */
	/* The floor: every block counts as written in this era or later.  0: there is no floor. */
	__le32 floor_era;
	__u8 zero0[4];
	/*
	 * seq of the history in force, which is in copy history_seq & 1.  0: the history is empty.
	 */
	__le64 history_seq;
	__le64 era_time;	/* when `era` began, in seconds since 1970; 0: not known */
	/*
	 * As era_time, but for the newest era before journal_tail that a checkpoint has requested.
	 */
	__le64 checkpoint_time;
	__u8 zero[320];
};

/* Why writes may have gone past erad. */
enum erad_gap_kind {
	/*
	 * The reason is not known, for example because the history was damaged.  Or another device uses
	 * the origin beside the volume.
	 */
	ERAD_GAP_UNKNOWN = 0,
	ERAD_GAP_CLOSED = 1,		/* the origin was written while the volume was closed */
	/* The volume was written while the target was not in its device's table. */
	ERAD_GAP_TABLE = 2,
	ERAD_GAP_ORIGIN = 3,		/* another device is the origin now */
	/* The metadata is older than the metadata that was last used. */
	ERAD_GAP_ROLLED_BACK = 4,
	/* The module let writes pass because no daemon recorded them. */
	ERAD_GAP_DEGRADED = 5,
	ERAD_GAP_JOURNAL = 6,		/* a repair has emptied the journal */
};

#define ERAD_GAP_KINDS		7u
/* Number of counters.  A kind without a counter counts as unknown. */
#define ERAD_GAP_KINDS_MAX	16u
#define ERAD_GAPS		32u	/* number of gaps that are kept; older gaps are dropped */
#define ERAD_GAP_DETAIL		112u
/* Number of timelines that are kept; older timelines are dropped. */
#define ERAD_TIMELINES		1000u
#define ERAD_BOOKMARKS		64u	/* limit of bookmarks */
#define ERAD_BOOKMARK_NAME	40u	/* size of a bookmark's name in bytes */
#define ERAD_HISTORY_ITEM	512u	/* size of each item in bytes */
#define ERAD_HISTORY_ITEMS	4u
#define ERAD_HISTORY_SEAL	ERAD_PAGE

struct erad_disk_gap {
	__le32 kind;		/* a value of enum erad_gap_kind */
	__le32 era;		/* the floor was raised to this era; 0: no era had begun */
	__le64 time;		/* when the gap was noticed, in seconds since 1970 */
	__u8 detail[ERAD_GAP_DETAIL];	/* text, padded with zeros */
};

struct erad_disk_timeline {
	__le64 number;		/* a random number, not 0 */
	/* The first era of the timeline.  After a crash, this may be an era that never began. */
	__le32 first_era;
	__u8 zero[4];
};

/*
 * A name for the beginning of an era.  Old timelines are dropped, so the metadata may no longer
 * have this timeline.
 */
struct erad_disk_bookmark {
	__le64 timeline;	/* number of the timeline to which the era belongs; not 0 */
	__le64 time;		/* when the bookmark was set, in seconds since 1970 */
	__le32 era;
	__u8 zero[4];
	/* Letters, digits and . _ + -, padded with zeros.  No two bookmarks have the same name. */
	__u8 name[ERAD_BOOKMARK_NAME];
};

/*
 * One copy of the history.  Gaps and timelines are in order, the oldest first; bookmarks are in the
 * order of their names.  Unused entries are zeros.  Older versions of erad use neither bookmarks
 * nor the last two items: they write zeros in new metadata, and otherwise do not change them.
 */
struct erad_disk_history {
	__le32 csum;		/* crc32c of the rest of the copy */
	__le32 nr_gaps;
	__le64 seq;
	__le32 nr_timelines;
	__le32 nr_bookmarks;
	__le64 gaps_total[ERAD_GAP_KINDS_MAX];	/* gaps of each kind since the metadata was made */
	__u8 zero1[1896];
	/* Items, see store/history.h.  Zeros: not set. */
	__u8 item[ERAD_HISTORY_ITEMS][ERAD_HISTORY_ITEM];
	__u8 seal[ERAD_HISTORY_SEAL];		/* the seal; in force if ERAD_SB_SEALED is set */
	struct erad_disk_gap gap[ERAD_GAPS];
	struct erad_disk_timeline timeline[ERAD_TIMELINES];
	__u8 zero2[384];
	struct erad_disk_bookmark bookmark[ERAD_BOOKMARKS];
};

#define ERAD_DEGRADE_MAGIC	"degrade\n"	/* 8 bytes, without a final 0 */

/*
 * The first sector of page ERAD_DEGRADE; the rest of the page is zero.  A sector of zeros is no
 * record.  Any other sector that is not a valid record of this metadata counts as a record in
 * force, because it may be a damaged record.
 */
struct erad_disk_degrade {
	__le32 csum;		/* crc32c of bytes 4..511 */
	__le32 version;		/* version of the format */
	__u8 magic[8];
	__u8 uuid[16];
	__le64 serial;
	/* The current era when the daemon passed this record to the module. */
	__le32 era;
	__u8 zero[468];
};

/* Bits of page.flags. */
/* In an ERA_BEGIN: a checkpoint has requested the era. */
#define ERAD_J_CHECKPOINT	(1u << 0)

enum erad_journal_type {
	ERAD_J_MARK = 1,	/* the page has runs of blocks that were written in `era` */
	ERAD_J_ERA_BEGIN = 2,	/* `era` begins; there are no runs, and the group is one page */
};

/*
 * The page with sequence number s is at journal_start + s % journal_pages.  A *group* is the pages
 * of one commit, `count` of them in consecutive places.  A group counts only if all of its pages
 * are valid and agree.  Replay starts at the superblock's tail and ends at the first page that does
 * not continue the sequence.
 *
 * So replay may or may not find a commit that was not acknowledged.  Even if one replay has not found
 * the commit, because some of its sectors were not written, a later replay may find it: another
 * commit that is torn at the same place may have written just these sectors, with the same bytes.
 *
 * Normally replay ends at the torn end of the last commit.  But if any valid page in the ring has a
 * `durable` that is larger than the sequence number s at which replay ended, then page s was
 * durable and is lost, and the metadata must be refused.
 *
 * The payload of a MARK is its runs in ascending order.  Each run is two LEB128 varints: the gap
 * from the end of the previous run (from block 0 for the first run of a page), and the length, at
 * least 1.  Runs do not cross pages.
 */
struct erad_disk_journal {
	__le32 csum;		/* crc32c of bytes 4..4095 */
	__le32 group;		/* crc32c over the payload areas of the whole group, in order */
	__u8 uuid[16];
	__le64 seq;
	/*
	 * seq - index.  When this page was written, all pages with smaller sequence numbers were
	 * durable.
	 */
	__le64 durable;
	__le32 era;
	__le16 type;
	__u8 index;		/* index of this page in its group, from 0 */
	__u8 count;		/* pages in the group, at most ERAD_GROUP_MAX */
	__le16 nr_runs;
	__le16 bytes;		/* bytes of payload; the rest is zero */
	__le32 flags;
	/* In an ERA_BEGIN: when the era began, in seconds since 1970; 0: not known. */
	__le64 time;
	__u8 payload[ERAD_PAGE - 64];
};

/*
 * Entry b % 124 of sector b / 124 is the newest era in which block b was written; 0 means never.  A
 * sector of zeros is valid.  Entries beyond nr_blocks have no meaning: the device may have been
 * larger.  Before the device grows, the entries of the blocks that it gains are set to the current
 * era.
 *
 * The array is divided into chunks of array_chunk pages, so that it can grow.  Each chunk is
 * followed by as many pages for the copies of its pages.  Page p is at
 *
 *	array_start + p + p / array_chunk * array_chunk
 *
 * and its copy is array_chunk pages further.  For example, with array_chunk 100, page 250 is at
 * array_start + 450, and its copy at array_start + 550.  With array_chunk 0 the array is in one
 * piece, without copies.
 *
 * If the tag of a copy's sector is the tag of the snapshot, the snapshot shows the content of this
 * sector.  Otherwise the sector of the array has not changed since the snapshot began.
 */
#define ERAD_ERAS_PER_SECTOR	124u

struct erad_disk_eras {
	__le32 csum;		/* crc32c of bytes 4..511 */
	__le32 tag;		/* crc32c of the UUID; in a copy, of the UUID and snap_era */
	__le64 index;		/* number of this sector in the array */
	__le32 era[ERAD_ERAS_PER_SECTOR];
};

#define ERAD_ERAS_PER_PAGE	(ERAD_ERAS_PER_SECTOR * (ERAD_PAGE / ERAD_SECTOR))

_Static_assert(sizeof(struct erad_disk_super) == ERAD_SECTOR, "superblock is one sector");
_Static_assert(sizeof(struct erad_disk_history) == ERAD_HISTORY_PAGES * ERAD_PAGE, "history");
_Static_assert(sizeof(struct erad_disk_degrade) == ERAD_SECTOR, "degrade record is one sector");
_Static_assert(sizeof(struct erad_disk_journal) == ERAD_PAGE, "journal page");
_Static_assert(sizeof(struct erad_disk_eras) == ERAD_SECTOR, "era array sector");

#endif /* ERAD_FORMAT_H */
