/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text in which a dump, and erad's answer to eractl dump, keep what the metadata notes of the
 * origin (store/history.h), so that the next open of the restored metadata notices writes past erad
 * as the dumped metadata would have:
 *
 *	sealed HEX	notes with a seal; HEX is the items and the seal, without zeros at the end
 *	unsealed HEX	notes without a seal; HEX is the items
 *	unknown		the dump is of a live volume or of a snapshot; the next open records a gap
 */
#ifndef ERAD_STORE_ERA_NOTES_H
#define ERAD_STORE_ERA_NOTES_H

#include "store/history.h"

/* Size of the longest text in bytes, with the 0 at its end. */
#define ERA_NOTES_TEXT	(sizeof("unsealed ") + 2 * (ERAD_HISTORY_ITEMS * ERAD_HISTORY_ITEM + ERAD_HISTORY_SEAL))

/* Writes the text to `text`, and returns it. */
const char *era_notes_text(const struct store_notes *n, char text[ERA_NOTES_TEXT]);

/* Returns false, with *n undefined, if the text has another form. */
bool era_notes_parse(const char *text, struct store_notes *n);

#endif /* ERAD_STORE_ERA_NOTES_H */
