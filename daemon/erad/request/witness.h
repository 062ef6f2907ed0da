/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carries out requests about the witness of a volume. */
#ifndef ERAD_REQUEST_WITNESS_H
#define ERAD_REQUEST_WITNESS_H

#include <json-c/json.h>

#include "common/err.h"

/*
 * Keeps the member "witness" of arg, which was taken after the checkpoint whose token is "token".
 * Without these members, only the result matters: it has the number of the origin, and the size of
 * the volume.  From these the caller takes a witness.
 */
int request_witness(struct json_object *arg, struct json_object **result, struct err *err);

#endif /* ERAD_REQUEST_WITNESS_H */
