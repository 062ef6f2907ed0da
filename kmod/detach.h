/* SPDX-License-Identifier: GPL-2.0-only */
/* detach_policy: what happens to held writes while there is no owner. */
#ifndef ERAD_DETACH_H
#define ERAD_DETACH_H

#include "instance.h"

/* Under ei->mutex, when DETACHED: warns if writes are held, and starts the time after which detach_policy acts. */
void erad_detached(struct erad_instance *ei);

/* ei->detach_work: the time of detach_policy fail or degrade may be over. */
void erad_detach_work(struct work_struct *work);

#endif /* ERAD_DETACH_H */
