/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carries out requests about the witness of a volume. */
#ifndef ERAD_REQUEST_WITNESS_H
#define ERAD_REQUEST_WITNESS_H

#include <json-c/json.h>

#include "common/err.h"

/*
 * If arg has the members "witness" and "token", keeps the witness, which was taken after the
 * checkpoint with this token.  *result contains the number of the origin and the size of the volume
 * in bytes, with which the caller takes the next witness.  Returns 0 or a negative errno.  On
 * success, the caller drops the reference to *result.
 */
int request_witness(struct json_object *arg, struct json_object **result, struct err *err);

#endif /* ERAD_REQUEST_WITNESS_H */
