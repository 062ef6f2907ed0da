/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text in which a dump keeps what the metadata notes of the origin (store/history.h), so that the
 * next open of the restored metadata notices writes past erad as the dumped metadata would have:
 *
 *	sealed HEX	notes with a seal; HEX is the items and the seal, without zeros at the end
 *	unsealed HEX	notes without a seal; HEX is the items
 *	unknown		the dump is of a live volume or of a snapshot; the next open records a gap
 */
#ifndef ERACTL_ERA_NOTES_H
#define ERACTL_ERA_NOTES_H

#include <stdio.h>

#include "store/history.h"

void era_notes_print(FILE *f, const struct store_notes *n);

/* Returns false, with *n undefined, if the text has another form. */
bool era_notes_parse(const char *text, struct store_notes *n);

#endif /* ERACTL_ERA_NOTES_H */
