/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notes the tokens that eractl receives from erad, and reads the notes: see common/seen.h. */
#ifndef ERACTL_SEEN_NOTE_H
#define ERACTL_SEEN_NOTE_H

#include <stdint.h>

#include "common/token.h"

/*
 * Notes a token from an answer of erad, before the token is printed.  token may be NULL.  If the
 * token cannot be noted, prints an error, but does not fail.  Waits at most CHILD_MS, because the
 * file system of the note may be frozen, or may wait for an erad that does not run.
 */
void seen_note(const char *token);

/*
 * Notes the token of a volume that was opened, as seen_note() does.  Does not make ERAD_LIB_DIR.
 * Prints nothing if ERAD_LIB_DIR does not exist or is read-only, because at boot, the file system
 * of ERAD_LIB_DIR is perhaps not mounted yet.
 */
void seen_note_opened(const char *token);

/*
 * Removes the note of a volume that is forgotten.  uuid may be NULL.  Prints an error, and waits,
 * as seen_note() does.
 */
void seen_forget(const char *uuid);

/*
 * Reads the noted token of the volume, as seen_read() does, and returns the same values.  Waits at
 * most CHILD_MS.  ETIMEDOUT or EBUSY: the file system of the note does not answer.
 */
int seen_note_read(const uint8_t uuid[16], struct token *t);

#endif /* ERACTL_SEEN_NOTE_H */
