/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notices writes to the origin while the volume was closed.  The identity shows whether the origin
 * is still the same device.  The seal shows whether the origin was written.  After a crash there is
 * no seal, and the witness takes the place of the seal: see witness.h.  Context: the volume thread.
 */
#ifndef ERAD_ORIGIN_COMPARE_H
#define ERAD_ORIGIN_COMPARE_H

#include "common/err.h"

struct volume;

/*
 * Compares the origin with the identity and the seal in the metadata, and records a gap if one of
 * the two differs.  Stores the identity that the origin has now.  If a part of the identity cannot
 * be read, keeps the former identity.  Call this before a new target lets its first write through.
 * An open with gap=refuse also calls this before there is a target.
 */
int origin_compare(struct volume *v, struct err *err);

/*
 * If there is no seal, compares the origin with the witness, and records a gap if they differ or if
 * the origin cannot be read.  Call this after table_note_arrive(): if table_note_arrive() has
 * recorded a gap, this function compares no place, because the reason of the recorded gap is more
 * precise.  Does nothing after a reload, because the old target was suspended until the new one
 * came.
 */
int origin_compare_witness(struct volume *v, struct err *err);

#endif /* ERAD_ORIGIN_COMPARE_H */
