/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a request that reads for long must end before it is done. */
#ifndef ERAD_INTERRUPT_H
#define ERAD_INTERRUPT_H

#include "common/jsonl.h"

struct volume;

/*
 * Whether a long reading must end: 0 if it goes on, ECANCELED if the caller is gone, ESHUTDOWN if the
 * volume closes.  v: NULL if the volume is closed.
 */
int request_interrupted(struct jsonl *j, struct volume *v);

#endif /* ERAD_INTERRUPT_H */
