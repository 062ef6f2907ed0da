/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carries out the request checkpoint_together. */
#ifndef ERAD_REQUEST_TOGETHER_H
#define ERAD_REQUEST_TOGETHER_H

#include <json-c/json.h>

#include "common/err.h"

/* arg is the request.  The caller drops the reference to *result. */
int request_checkpoint_together(struct json_object *arg, struct json_object **result, struct err *err);

#endif /* ERAD_REQUEST_TOGETHER_H */
