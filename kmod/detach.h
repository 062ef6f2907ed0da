/* SPDX-License-Identifier: GPL-2.0-only */
/* detach_policy: what becomes of held writes when no erad attaches. */
#ifndef ERAD_DETACH_H
#define ERAD_DETACH_H

#include "instance.h"

/* Under ei->mutex, DETACHED: warns of held writes, and starts the time after which detach_policy acts. */
void erad_detached(struct erad_instance *ei);

/* ei->detach_work */
void erad_detach_work(struct work_struct *work);

#endif /* ERAD_DETACH_H */
