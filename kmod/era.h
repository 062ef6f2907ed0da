/* SPDX-License-Identifier: GPL-2.0-only */
/* The eras of an instance: prepares, begins and drains their writesets. */
#ifndef ERAD_ERA_H
#define ERAD_ERA_H

#include "instance.h"

/* Initializes the work items of a drain, for ctr. */
void erad_era_init(struct erad_instance *ei);

/* Ioctl PREPARE_ERA; returns its errors.  May sleep until memory is reclaimed. */
int erad_era_prepare(struct erad_instance *ei, u32 to);

/* Ioctl NEW_ERA without the wait for the drain; returns its errors.  Context: ei->mutex. */
int erad_era_begin(struct erad_instance *ei, u32 from, u32 to);

#endif /* ERAD_ERA_H */
