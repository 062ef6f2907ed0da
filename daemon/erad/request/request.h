/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests over the socket, as common/protocol.h describes them. */
#ifndef ERAD_REQUEST_H
#define ERAD_REQUEST_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/jsonl.h"
#include "store/store.h"

/*
 * Reads one request, carries it out and answers.  The connection's thread.
 * root: it is root who asks; others may only look.
 */
void request_serve(struct jsonl *j, bool root);

struct volume;

/*
 * Whether a long reading goes on: 0, ECANCELED if the caller is gone, ESHUTDOWN if the
 * volume closes.  v: NULL if the volume is closed.
 */
int request_look(struct jsonl *j, struct volume *v);

/* ---- operations in files of their own: 0 and *result, which the caller puts, or -errno ---- */

/* report.c */
int request_list(struct json_object **result, struct err *err);
int request_status(struct json_object *names, struct json_object **result, struct err *err);
int request_writers(struct json_object *names, struct json_object **result, struct err *err);

/* diff.c; writes parts to j.  ECANCELED: the caller is gone, no answer is due. */
int request_diff(struct jsonl *j, const char *name, uint32_t since, enum store_view view,
		 struct json_object **result, struct err *err);

enum dump_kind {
	DUMP_MOMENT,	/* of a live volume, one moment: begins an era */
	DUMP_LOOSE,	/* begins none; what is written meanwhile may or may not be in it */
	DUMP_CHECK,	/* counts damaged blocks of a live volume, ENOTCONN if it is closed */
};

/* dump.c; the same. */
int request_dump(struct jsonl *j, const char *name, enum store_view view, enum dump_kind kind,
		 struct json_object **result, struct err *err);

#endif /* ERAD_REQUEST_H */
