/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Repairs the metadata after a target has let writes pass unrecorded, and makes the target hold
 * writes again.  Context: the volume thread.
 */
#ifndef ERAD_DEGRADED_H
#define ERAD_DEGRADED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct volume;

/*
 * degraded_take_up(): call this after ATTACH, before NEW_ERA and READY.  Finds out whether the
 * target has let writes pass unrecorded.  If so, records durably that every block counts as
 * written.  If the target still lets all writes pass and has an era, also makes its next era
 * durable.  EUCLEAN: see origin_refuse_gap().
 *
 * degraded_ready(): makes the target active, and passes a degrade record to the target.
 *
 * degraded_step(): ends the degrade record that degraded_take_up() has found, as soon as the writes
 * that the target had let pass have completed.
 *
 * degraded_unseen(): returns true if a reader of the metadata has found a degrade record in force
 * since the last degraded_take_up(), and the volume thread may detach now.  In this case, the volume
 * thread must attach again.
 */
int degraded_take_up(struct volume *v, struct err *err);
int degraded_ready(struct volume *v, uint32_t era, struct err *err);
void degraded_step(struct volume *v);
bool degraded_unseen(struct volume *v);

#endif /* ERAD_DEGRADED_H */
