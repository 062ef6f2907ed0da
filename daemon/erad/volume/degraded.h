/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Handles writes that a target has let pass unrecorded, for the owner of the target.  Context: the
 * volume thread.
 */
#ifndef ERAD_DEGRADED_H
#define ERAD_DEGRADED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct volume;

/*
 * degraded_take_up(): call this after ATTACH, before NEW_ERA and READY.  Finds out whether the
 * target has let writes pass.  If so, makes two things durable: every block counts as written, and
 * a new era.
 *
 * degraded_ready(): makes the target active, and passes a degrade record to the target.
 *
 * degraded_step(): when the writes that were let pass have completed, ends the record that was
 * found.
 *
 * degraded_unseen(): returns whether a reader has found a record in force since the last
 * degraded_take_up().  If so, the thread must attach again.
 */
int degraded_take_up(struct volume *v, struct err *err);
int degraded_ready(struct volume *v, uint32_t era, struct err *err);
void degraded_step(struct volume *v);
bool degraded_unseen(struct volume *v);

#endif /* ERAD_DEGRADED_H */
