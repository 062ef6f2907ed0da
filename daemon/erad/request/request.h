/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Serves the requests that common/protocol.h describes. */
#ifndef ERAD_REQUEST_H
#define ERAD_REQUEST_H

#include <stdbool.h>

#include "common/jsonl.h"

/*
 * Reads one request, carries it out and sends the answer.  Runs in the connection's thread.  root:
 * the caller is root.  Other callers may use only operations that change nothing.
 */
void request_serve(struct jsonl *j, bool root);

#endif /* ERAD_REQUEST_H */
