/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text in which a dump keeps what the metadata notes of the origin (store/history.h).  With
 * these notes, an open of the restored metadata notices the same writes past erad as an open of the
 * dumped metadata would:
 *
 *	sealed HEX	notes with a seal; HEX is the items and the seal, without zeros at the end
 *	unsealed HEX	notes without a seal; HEX is the items, without zeros at the end
 *	unknown		a seal of zeros: erad has sent the eras, or the dump is of a snapshot; the
 *			next open records a gap
 */
#ifndef ERACTL_ERA_NOTES_H
#define ERACTL_ERA_NOTES_H

#include <stdio.h>

#include "store/history.h"

/* Prints the text to f. */
void era_notes_print(FILE *f, const struct store_notes *n);

/* Reads the text into *n.  Returns false, with *n undefined, if the text has another form. */
bool era_notes_parse(const char *text, struct store_notes *n);

#endif /* ERACTL_ERA_NOTES_H */
