/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers list, status and writers: what erad knows of volumes, as JSON. */
#ifndef ERAD_REPORT_H
#define ERAD_REPORT_H

#include <json-c/json.h>

#include "common/err.h"

/*
 * These functions return 0 or a negative errno.  On success, the caller drops the reference to
 * *result.  names: an array of the names of volumes; NULL or empty: all volumes.
 */
int request_list(struct json_object **result, struct err *err);
int request_status(struct json_object *names, struct json_object **result, struct err *err);
int request_writers(struct json_object *names, struct json_object **result, struct err *err);

#endif /* ERAD_REPORT_H */
