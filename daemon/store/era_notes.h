/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text in which a dump, and erad's answer to eractl dump, keep what the metadata notes about
 * the origin (store/history.h).  With these notes, an open of the restored metadata notices the
 * same writes past erad as an open of the dumped metadata would:
 *
 *	sealed HEX	notes with a seal; HEX is the items and the seal, without zeros at the end
 *	unsealed HEX	notes without a seal; HEX is the items, without zeros at the end
 *	unknown		a seal of zeros: the dump is of a live volume or of a snapshot; the next
 *			open records a gap
 */
#ifndef ERAD_STORE_ERA_NOTES_H
#define ERAD_STORE_ERA_NOTES_H

#include "store/history.h"

/* Size of the longest text in bytes, with the 0 at its end. */
#define ERA_NOTES_TEXT	(sizeof("unsealed ") + 2 * (ERAD_HISTORY_ITEMS * ERAD_HISTORY_ITEM + ERAD_HISTORY_SEAL))

/* Writes the text to `text`, and returns it. */
const char *era_notes_text(const struct store_notes *n, char text[ERA_NOTES_TEXT]);

/* Reads the text into *n.  Returns false, with *n undefined, if the text has another form. */
bool era_notes_parse(const char *text, struct store_notes *n);

#endif /* ERAD_STORE_ERA_NOTES_H */
