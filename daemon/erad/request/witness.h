/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carries out requests about the witness of a volume. */
#ifndef ERAD_REQUEST_WITNESS_H
#define ERAD_REQUEST_WITNESS_H

#include <json-c/json.h>

#include "common/err.h"

/*
 * If arg has the members "witness" and "token", keeps the witness, which was taken after the
 * checkpoint with this token.  The result has the number of the origin and the size of the volume,
 * from which the caller takes the next witness.
 */
int request_witness(struct json_object *arg, struct json_object **result, struct err *err);

#endif /* ERAD_REQUEST_WITNESS_H */
