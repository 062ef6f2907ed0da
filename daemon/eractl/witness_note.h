/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes witnesses of origins after checkpoints: see common/witness.h. */
#ifndef ERACTL_WITNESS_NOTE_H
#define ERACTL_WITNESS_NOTE_H

/*
 * Takes a witness of the volume's origin, and gives it to erad.  Call this after an answer to a
 * checkpoint; token: the token in this answer, or NULL.
 *
 * eractl reads the origin, and not erad: a process that reads a device that hangs cannot be ended,
 * and then no other erad could serve the volumes.  erad itself reads the origin only at an open.
 *
 * Waits at most CHILD_MS.  If the origin hangs, at most one child process waits for it.  Prints nothing if this fails: the metadata keeps the former witness, which
 * is valid, but has fewer places that can be compared.
 */
void witness_note(const char *volume, const char *token);

#endif /* ERACTL_WITNESS_NOTE_H */
