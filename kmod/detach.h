/* SPDX-License-Identifier: GPL-2.0-only */
/* detach_policy: what happens to held writes while there is no owner. */
#ifndef ERAD_DETACH_H
#define ERAD_DETACH_H

#include "instance.h"

/*
 * Logs a warning if writes are held.  Then starts the time of detach_policy, or acts at once if the
 * time for detach_policy degrade has passed already.  Call this after the state has become
 * DETACHED, and after a resume in the state DETACHED.  Context: ei->mutex.
 */
void erad_detached(struct erad_instance *ei);

/*
 * The function of ei->detach_work: carries out detach_policy fail or degrade if its time has
 * passed.
 */
void erad_detach_work(struct work_struct *work);

#endif /* ERAD_DETACH_H */
