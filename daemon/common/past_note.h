/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The past note: the metadata's note of other devices on the origin, whose writes go past the
 * volume, or of a user of the origin.  The note of a user says that erad refused an open because of
 * the user.  erad/volume/past.h says when erad writes the note.  eractl reads the note in the
 * metadata of a closed volume.
 */
#ifndef ERAD_PAST_NOTE_H
#define ERAD_PAST_NOTE_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <linux/types.h>

#include "common/table_state.h"
#include "erad_format.h"

#define PAST_NOTE_TEXT	64u	/* size of the text, with the 0 at its end */

/* The history's item STORE_PAST. */
struct past_note {
	__le32 version;		/* PAST_NOTE_VERSION; 0: the last look has found no device */
	char text[PAST_NOTE_TEXT];	/* the text of holders_find(), or a text like it */
	/*
	 * The kernel's boot_id when an open was refused because the origin was in use.  "": the last
	 * look at the open volume has found the device.
	 */
	char boot[TABLE_NOTE_BOOT];
	__u8 pad[4];
	struct origin_count origin;	/* counter of the origin when the open was refused */
	__u8 zero[368];
};

#define PAST_NOTE_VERSION	1u

_Static_assert(sizeof(struct past_note) == ERAD_HISTORY_ITEM, "a note is an item");

/*
 * note: the history's item STORE_PAST.  Returns whether the last look has found a device, or an open
 * was refused because the origin was in use.  If so, the device may have written after the newest gap
 * that is recorded, and the next open records another gap, unless past_note.boot is set and the
 * counter of the origin proves that nothing was written.  Sets text to the devices, or to "" if the
 * last look has found none.
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
