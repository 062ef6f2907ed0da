/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an owner does about writes that a target has let pass.  The volume thread's. */
#ifndef ERAD_DEGRADED_H
#define ERAD_DEGRADED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct volume;

/*
 * take_up: attached, but no era has begun and READY has
 * not been: finds out whether the target has let writes pass, and if it has, makes durable that
 * every block counts as written, and a new era.  ready: makes the target active, with a degrade
 * record.  step: in the end, ends the record that was found.  unseen: whether a reader has
 * found a record in force since the last take_up, so that the thread must attach anew.
 */
int degraded_take_up(struct volume *v, struct err *err);
int degraded_ready(struct volume *v, uint32_t era, struct err *err);
void degraded_step(struct volume *v);
bool degraded_unseen(struct volume *v);

#endif /* ERAD_DEGRADED_H */
