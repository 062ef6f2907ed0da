/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small pictures that show the age of a volume's blocks, for callers that may ask often. */
#ifndef ERAD_REQUEST_MAP_H
#define ERAD_REQUEST_MAP_H

#include <json-c/json.h>

#include "common/err.h"

/*
 * Returns 0 and *result, a MAP of common/protocol.h, or a negative errno.  The caller drops the
 * reference to *result.
 *
 * At most one picture is read from the metadata at a time, for at most MAP_READ_MS.  The reading
 * goes on if the caller closes the connection.  One picture of each volume is kept for a hundred
 * times as long as reading it took, and for at least MAP_KEEP_MS, and all callers get this picture.
 * A failure is kept in the same way.  EAGAIN: another picture is being read.  ETIME: the metadata
 * is too large.
 */
int request_map(const char *name, struct json_object **result, struct err *err);

#endif /* ERAD_REQUEST_MAP_H */
