/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests over the socket, as common/protocol.h describes them. */
#ifndef ERAD_REQUEST_H
#define ERAD_REQUEST_H

#include <json-c/json.h>
#include <stdint.h>

#include "common/err.h"
#include "common/jsonl.h"

/* Reads one request, carries it out and answers.  The connection's thread. */
void request_serve(struct jsonl *j);

/* ---- operations in files of their own: 0 and *result, which the caller puts, or -errno ---- */

/* report.c */
int request_list(struct json_object **result, struct err *err);
int request_status(struct json_object *names, struct json_object **result, struct err *err);

/* diff.c; writes parts to j.  ECANCELED: the caller is gone, no answer is due. */
int request_diff(struct jsonl *j, const char *name, uint32_t since,
		 struct json_object **result, struct err *err);

#endif /* ERAD_REQUEST_H */
