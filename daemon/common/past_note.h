/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The past note: the metadata's note of other devices on the origin, whose writes go past the
 * volume.  erad/volume/past.h says when erad writes the note.  eractl reads the note in the metadata
 * of a closed volume.
 */
#ifndef ERAD_PAST_NOTE_H
#define ERAD_PAST_NOTE_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <linux/types.h>

#include "erad_format.h"

#define PAST_NOTE_TEXT	64u	/* size of the text, with the 0 at its end */

/* The history's item STORE_PAST. */
struct past_note {
	__le32 version;		/* PAST_NOTE_VERSION; 0: the last look has found no device */
	char text[PAST_NOTE_TEXT];	/* the text of holders_find() */
	__u8 zero[444];
};

#define PAST_NOTE_VERSION	1u

_Static_assert(sizeof(struct past_note) == ERAD_HISTORY_ITEM, "a note is an item");

/*
 * note: the history's item STORE_PAST.  Returns whether the last look has found a device.  If so,
 * the device may have written after the newest gap that is recorded, and the next open records
 * another gap.  Sets text to the devices, or to "" if the last look has found none.
 */
static inline bool past_note_is_set(const struct past_note *note, char text[PAST_NOTE_TEXT])
{
	snprintf(text, PAST_NOTE_TEXT, "%.*s", (int)PAST_NOTE_TEXT - 1, note->text);
	if (note->version && !*text)
		strcpy(text, "another device");
	if (!note->version)
		*text = 0;
	return note->version;
}

#endif /* ERAD_PAST_NOTE_H */
