/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells a request that reads for long to end early, if its caller is gone or its volume closes. */
#ifndef ERAD_INTERRUPT_H
#define ERAD_INTERRUPT_H

#include "common/jsonl.h"

struct volume;

/*
 * Returns 0 if the request goes on, ECANCELED if the peer has closed the connection, ESHUTDOWN if
 * the volume closes.  v is NULL if the volume is closed.
 */
int request_interrupted(struct jsonl *j, struct volume *v);

#endif /* ERAD_INTERRUPT_H */
