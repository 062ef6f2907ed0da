/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The on-disk format of erad's metadata, version 2, and the rules that make
 * it safe.
 *
 * Everything is little-endian and laid out in 4 KiB pages:
 *
 *	page 0, 1		superblock A, B
 *	page 2			degrade record
 *	journal_start …		journal ring, journal_pages pages
 *	array_start …		era array, array_pages pages, and room for copies of them
 *
 * It is a write-ahead log with one home location.  A commit appends its
 * blocks to the journal; the *fold* (digestion) later moves them into the era
 * array, which holds for each block the newest era it was written in, and
 * then lets the journal's tail follow.  A block's era is the largest of its entry
 * in the array, of all journal records from the tail on, and of the *floor*.
 *
 * Order, for each step what must be durable before it:
 *	releasing a write	its journal group
 *	acknowledging an era	its ERA_BEGIN group
 *	moving the tail		the array pages of everything before it
 *	reusing a ring page	a superblock whose tail is past it
 *	changing an array page	its copy, while a snapshot is held
 *	anything after open	what was found: a killed process may not have flushed it
 *	passing all writes	the degrade record; the module writes it, with FUA
 *	then, in this order:
 *	  beginning an era	the floor
 *	  gating writes again	the ERA_BEGIN group of this era
 *	  raising the serial	nothing more on disk; but the module gates writes, has drained
 *				those that it let pass, and has got a record with the next serial
 * Each step may be repeated, so a crash anywhere costs nothing but work.
 *
 * There is no second copy of the writeset: the array is as good a place for
 * the blocks of the current era as for those of older ones, so that a full
 * ring is emptied by the same fold, needs no space for it, and recovery reads
 * the ring alone, however large the device is.
 *
 * The floor, floor_era in the superblock, says of every block that it counts as
 * written in that era or later.  It only grows, is never newer than the current
 * era, and costs one write of a superblock, however large the device is.
 *
 * The *degrade record* says: from here on any block may have been written without
 * a mark, in `era` or later.  The module writes the record, when it has to let writes
 * pass and no daemon is there to record them.  The daemon writes this page only to
 * format it, or to replace what is not a record, and never while the module may write
 * it.  The daemon gives the module the content beforehand.  A record is in force unless its serial is smaller than
 * the superblock's degrade_serial.  To end a record, the daemon raises that serial
 * and leaves the page alone, so that no late write of a daemon can overwrite a
 * record of the module.  While a record is in force, every block counts as written
 * in the current era.  Of a crash between two of the steps above: the record is
 * found again, and every block counts as written once more.
 *
 * A *snapshot* keeps what the array said at the beginning of an era, while
 * marks and folds go on: the first fold that changes a page saves a copy of it.
 * There is one at most; it either lasts until it is dropped, or ends with the
 * process that reads it.  Each begins with an era of its own, which tells its
 * copies from those of any other.
 *
 * What a device must promise: a write of one aligned 512-byte sector happens
 * or does not.  Superblock and array sectors carry a checksum each; larger
 * writes may be torn between sectors.
 */
#ifndef ERAD_FORMAT_H
#define ERAD_FORMAT_H

#include <linux/types.h>

#define ERAD_PAGE		4096u
#define ERAD_SECTOR		512u

#define ERAD_SUPER_MAGIC	"erad\r\n\x1a\n"	/* 8 bytes, without the 0 */
#define ERAD_FORMAT_VERSION	2u

#define ERAD_SUPER_A		0u	/* pages */
#define ERAD_SUPER_B		1u
#define ERAD_DEGRADE		2u
#define ERAD_JOURNAL_START	3u

#define ERAD_JOURNAL_MIN	16u	/* pages; four groups and room to fold */
#define ERAD_JOURNAL_MAX	65536u	/* pages; all of them are read by every open */
#define ERAD_GROUP_MAX		4u	/* pages of one commit: 16 KiB */
#define ERAD_CHUNK_MAX		65536u	/* pages of the array in one piece */

/* sb.flags */
#define ERAD_SB_CLEAN		(1u << 0)	/* closed with an empty journal; cleared by an open for writing */
#define ERAD_SB_SNAP_LASTS	(1u << 1)	/* the snapshot outlives who took it; else an open for writing drops it */

/*
 * One sector at the start of page A or B; the rest of the page is zero.  The
 * valid one with the larger seq counts; writes alternate, seq & 1 chooses B.
 * Unknown bits in incompat: refuse.  In ro_compat: open read-only.
 */
struct erad_disk_super {
	__le32 csum;		/* crc32c of bytes 4 … 511 */
	__le32 version;
	__u8 magic[8];
	__le64 compat;
	__le64 ro_compat;
	__le64 incompat;
	__u8 uuid[16];
	__le64 seq;
	__le64 nr_sectors;	/* length of the tracked device, 512-byte sectors */
	__le64 nr_blocks;	/* ceil(nr_sectors / block_sectors) */
	__le32 block_sectors;
	__le32 era;		/* the newest era begun before journal_tail; 0: none yet */
	__le64 journal_start;	/* page */
	__le64 journal_pages;
	__le64 array_start;	/* page */
	__le64 array_pages;	/* without the copies */
	__le64 journal_tail;	/* sequence number of the first page to replay */
	__le32 flags;
	__le32 array_chunk;	/* pages, see below; 0: there is no room for snapshots */
	__le64 snap_nr_sectors;	/* nr_sectors when the snapshot was taken */
	__le32 snap_era;	/* the newest era that it shows; 0: none is held */
	__le32 snap_floor_era;	/* the floor of the snapshot, at most snap_era; 0: none */
	__le64 degrade_serial;	/* degrade records with a smaller serial are not in force */
	__le32 floor_era;	/* every block counts as written in this era or later; 0: none */
	__u8 zero[348];
};

#define ERAD_DEGRADE_MAGIC	"degrade\n"	/* 8 bytes, without the 0 */

/*
 * The first sector of page ERAD_DEGRADE; the rest of the page is zero.  Zeros: no
 * record.  Anything else that is not a valid record of this metadata is taken for
 * a record in force: it may be what is left of one.
 */
struct erad_disk_degrade {
	__le32 csum;		/* crc32c of bytes 4 … 511 */
	__le32 version;		/* of the format */
	__u8 magic[8];
	__u8 uuid[16];
	__le64 serial;
	__le32 era;		/* the current one when the module was given this record */
	__u8 zero[468];
};

enum erad_journal_type {
	ERAD_J_MARK = 1,	/* runs of blocks written in `era` */
	ERAD_J_ERA_BEGIN = 2,	/* `era` begins; no runs, one page */
};

/*
 * The page with sequence number s stands at journal_start + s % journal_pages.
 * A *group* is the count pages of one commit, in consecutive places; it
 * counts only if all of its pages are there and agree.  Replay starts at the
 * superblock's tail and ends at the first page that does not continue it.
 *
 * A commit that was not acknowledged may so be found or not, and if it was
 * torn may even be found later, when another is torn at the same place.
 *
 * The page where replay ends is the torn end of the last commit, unless a valid page anywhere
 * in the ring has `durable` beyond it: then the page had been durable and is
 * lost, and the metadata must be refused.
 *
 * The payload of a MARK is its runs in ascending order, each as two LEB128
 * varints: the gap from the end of the run before (the first run of a page:
 * from block 0), and the length, at least 1.  Runs do not cross pages.
 */
struct erad_disk_journal {
	__le32 csum;		/* crc32c of bytes 4 … 4095 */
	__le32 group;		/* crc32c over the payload areas of the whole group, in order */
	__u8 uuid[16];
	__le64 seq;
	__le64 durable;		/* what came before this number was durable at the writing */
	__le32 era;
	__le16 type;
	__u8 index;		/* this page is number index of … */
	__u8 count;		/* … count, at most ERAD_GROUP_MAX */
	__le16 nr_runs;
	__le16 bytes;		/* of payload; the rest is zero */
	__u8 zero[12];
	__u8 payload[ERAD_PAGE - 64];
};

/*
 * Entry b % 124 of sector b / 124 is the newest era block b was written in; 0
 * means never.  A sector of zeros is valid.  Entries beyond nr_blocks mean
 * nothing: the device may have been larger.  Growing it clears them first.
 *
 * The array comes in chunks of array_chunk pages, each followed by as many
 * pages for their copies, so that it can grow.  Page p is at
 *
 *	array_start + p + p / array_chunk * array_chunk
 *
 * and its copy array_chunk pages further.  With array_chunk 0 it is in one
 * piece, without copies.
 *
 * A sector of a copy belongs to the snapshot if its tag says so, and then says
 * what the array's sector said; any other has not been changed since.
 */
#define ERAD_ERAS_PER_SECTOR	124u

struct erad_disk_eras {
	__le32 csum;		/* crc32c of bytes 4 … 511 */
	__le32 tag;		/* crc32c of the UUID; in a copy, of the UUID and snap_era */
	__le64 index;		/* of this sector in the array */
	__le32 era[ERAD_ERAS_PER_SECTOR];
};

#define ERAD_ERAS_PER_PAGE	(ERAD_ERAS_PER_SECTOR * (ERAD_PAGE / ERAD_SECTOR))

_Static_assert(sizeof(struct erad_disk_super) == ERAD_SECTOR, "superblock is one sector");
_Static_assert(sizeof(struct erad_disk_degrade) == ERAD_SECTOR, "degrade record is one sector");
_Static_assert(sizeof(struct erad_disk_journal) == ERAD_PAGE, "journal page");
_Static_assert(sizeof(struct erad_disk_eras) == ERAD_SECTOR, "era array sector");

#endif /* ERAD_FORMAT_H */
