/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carries out requests that create, open, resize, close and remove volumes. */
#ifndef ERAD_REQUEST_VOLUMES_H
#define ERAD_REQUEST_VOLUMES_H

#include "erad/request/call.h"

/*
 * These functions return 0 or a negative errno.  On success, the caller drops the reference to
 * *result.
 */
int serve_create(struct request *q, struct json_object **result, struct err *err);
int serve_attach(struct request *q, struct json_object **result, struct err *err);
int serve_detach(struct request *q, struct json_object **result, struct err *err);
int serve_open(struct request *q, struct json_object **result, struct err *err);
int serve_close(struct request *q, struct json_object **result, struct err *err);
int serve_abort(struct request *q, struct json_object **result, struct err *err);
int serve_forget(struct request *q, struct json_object **result, struct err *err);
int serve_resize(struct request *q, struct json_object **result, struct err *err);

#endif /* ERAD_REQUEST_VOLUMES_H */
