/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests over the socket, as common/protocol.h describes them. */
#ifndef ERAD_REQUEST_H
#define ERAD_REQUEST_H

#include <stdbool.h>

#include "common/jsonl.h"

/*
 * Reads one request, carries it out and answers.  The connection's thread.
 * root: it is root who asks; others may only look.
 */
void request_serve(struct jsonl *j, bool root);

#endif /* ERAD_REQUEST_H */
