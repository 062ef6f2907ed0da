/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds out whether a request that reads for a long time must end early, because its caller has
 * closed the connection or its volume closes.
 */
#ifndef ERAD_INTERRUPT_H
#define ERAD_INTERRUPT_H

#include "common/jsonl.h"

struct volume;

/*
 * Returns 0 if the request may go on, ECANCELED if the peer has closed the connection, ESHUTDOWN if
 * the volume closes.  v: the open volume, or NULL.
 */
int request_interrupted(struct jsonl *j, struct volume *v);

#endif /* ERAD_INTERRUPT_H */
