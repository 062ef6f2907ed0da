/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small pictures that show the age of a volume's blocks, for callers that may ask often. */
#ifndef ERAD_REQUEST_MAP_H
#define ERAD_REQUEST_MAP_H

#include <json-c/json.h>

#include "common/err.h"

/*
 * Returns 0 or a negative errno.  On success, *result is a MAP of common/protocol.h, and the caller
 * drops the reference to it.
 *
 * At most one picture is read from the metadata at a time, for at most 2 seconds.  The reading goes
 * on if the caller closes the connection.  One picture of each volume is kept for a hundred times
 * as long as reading it took, and for at least 60 seconds, and all callers get this picture.  A
 * failure is kept in the same way.  EAGAIN: another picture is being read, and none of this volume
 * is kept.  ETIME: reading the metadata takes longer than 2 seconds.
 */
int request_map(const char *name, struct json_object **result, struct err *err);

#endif /* ERAD_REQUEST_MAP_H */
