/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table note in the metadata, which eractl reads, too.  erad/volume/table_note.h says when erad
 * writes the note, and what its states mean.
 */
#ifndef ERAD_TABLE_STATE_H
#define ERAD_TABLE_STATE_H

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include <linux/types.h>

#define TABLE_NOTE_BOOT	40u	/* size of the kernel's boot_id, with the 0 at its end and padding */

enum table_note_state {
	NOTE_OUT,
	NOTE_IN,
	NOTE_GONE,
};

/* The kernel's counters of writes to an origin.  All fields are little-endian. */
struct origin_count {
	__le32 known;		/* 0: there are no counters, and the rest is zero */
	__le32 major, minor;
	__le32 pad;
	/*
	 * Sequence number of the device, or of its whole disk.  The number is unique among all
	 * disks of one boot.
	 */
	__le64 diskseq;
	__le64 sectors;		/* number of sectors written and discarded */
};

_Static_assert(sizeof(struct origin_count) == 32, "no padding");

/* The layout in the metadata.  All fields are little-endian. */
struct table_note {
	__le32 version;		/* TABLE_NOTE_VERSION; 0: there is no note */
	__le32 state;		/* enum table_note_state */
	char boot[TABLE_NOTE_BOOT];		/* the kernel's boot_id; the counters begin with 0 at each boot */
	__le64 diskseq;		/* sequence number of the mapped device, unique in this boot */
	/*
	 * Sectors written to the mapped device.  IN: at the first resume of the instance.  OUT: at
	 * its last suspend.  ERAD_WRITTEN_UNKNOWN: not known.
	 */
	__le64 written;
	__le64 instance;	/* IN: the instance's id */
	struct origin_count origin;	/* OUT, GONE: counter of the origin */
	__u8 zero[408];
};

_Static_assert(sizeof(struct table_note) == 512, "an item is one sector");

#define TABLE_NOTE_VERSION	1u

/*
 * item: the history's item STORE_TABLE_NOTE.  Returns whether the note says that the target is out
 * of the table of its device.
 */
static inline bool table_state_is_out(const void *item)
{
	struct table_note n;

	memcpy(&n, item, sizeof(n));
	return le32toh(n.version) == TABLE_NOTE_VERSION && le32toh(n.state) == NOTE_OUT;
}

/* Returns whether a close made the note in the boot whose boot_id is `boot`.  "": returns false. */
static inline bool table_note_is_of_close(const struct table_note *n, const char *boot)
{
	return le32toh(n->version) == TABLE_NOTE_VERSION && le32toh(n->state) == NOTE_GONE && *boot &&
		!strncmp(n->boot, boot, sizeof(n->boot));
}

/* Returns whether the note is of another boot than the boot whose boot_id is `boot`. */
static inline bool table_note_is_of_earlier_boot(const struct table_note *n, const char *boot)
{
	return le32toh(n->version) == TABLE_NOTE_VERSION && *n->boot && *boot && strncmp(n->boot, boot, sizeof(n->boot));
}

#endif /* ERAD_TABLE_STATE_H */
