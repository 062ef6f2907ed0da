/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first words of a table note, which eractl reads, too.  erad/volume/table_note.h has the rest
 * of the note, and says what the states mean.
 */
#ifndef ERAD_TABLE_STATE_H
#define ERAD_TABLE_STATE_H

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include <linux/types.h>

enum table_note_state {
	NOTE_OUT,
	NOTE_IN,
	NOTE_GONE,
};

/* All fields are little-endian. */
struct table_state {
	__le32 version;		/* TABLE_NOTE_VERSION; 0: there is no note */
	__le32 state;		/* enum table_note_state */
};

#define TABLE_NOTE_VERSION	1u

/*
 * item: the history's item STORE_TABLE_NOTE.  Returns whether the note says that the target is out
 * of the table of its device.
 */
static inline bool table_state_is_out(const void *item)
{
	struct table_state s;

	memcpy(&s, item, sizeof(s));
	return le32toh(s.version) == TABLE_NOTE_VERSION && le32toh(s.state) == NOTE_OUT;
}

#endif /* ERAD_TABLE_STATE_H */
