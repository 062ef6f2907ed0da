/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Claims the name of a volume for an operation on it. */
#ifndef ERAD_CLAIM_H
#define ERAD_CLAIM_H

#include "common/err.h"
#include "erad/volume/registry.h"

/*
 * Claims the name of a volume that is open, or that has a line in eratab.  On success, *v is the
 * open volume with a reference for the caller, or NULL if the volume is closed.  The caller ends
 * the claim with volumes_release().  After an error there is no claim.  Errors are those of
 * volumes_claim() and op_known().
 */
int op_claim(struct claim *c, const char *name, struct volume **v, struct err *err);

/*
 * For so many ms, a request waits until a volume has ended.  On a slow disk, the last fold of a full
 * journal takes less.
 */
#define OP_END_MS	120000

/*
 * Claims the name as volumes_claim() does.  If the open volume has no target any more, waits until
 * the volume has ended; then *v is NULL.  The volume thread may not have noticed yet that the
 * target is gone, so the volume may still look as if it served writes.  ETIMEDOUT: the volume has
 * not ended within two minutes.
 */
int op_claim_live(struct claim *c, const char *name, struct volume **v, struct err *err);

#endif /* ERAD_CLAIM_H */
