/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes witnesses of origins after checkpoints: see common/witness.h. */
#ifndef ERACTL_WITNESS_NOTE_H
#define ERACTL_WITNESS_NOTE_H

/*
 * Takes a witness of the volume's origin, and sends the witness to erad.  Call this after an answer
 * to a checkpoint; token: the token in this answer, or NULL.
 *
 * A child process of eractl reads the origin: if the device hangs, nothing can end the process that
 * reads it.  erad itself takes a witness only at an open.
 *
 * Waits at most CHILD_MS.  If the origin hangs, at most one child process for each volume waits for
 * it.  Prints nothing if no witness can be taken: the metadata keeps the former witness, which is
 * still valid, but fewer of its places can be compared.
 */
void witness_note(const char *volume, const char *token);

#endif /* ERACTL_WITNESS_NOTE_H */
