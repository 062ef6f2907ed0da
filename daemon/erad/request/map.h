/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small pictures of a volume, by the age of its blocks, for callers that may ask often. */
#ifndef ERAD_REQUEST_MAP_H
#define ERAD_REQUEST_MAP_H

#include <json-c/json.h>

#include "common/err.h"

/*
 * Returns 0 and *result, MAP of common/protocol.h, to which the caller drops the reference, or a
 * negative errno.  One picture at a time is read from the metadata, for MAP_READ_MS at most.  The
 * reading goes on if the caller hangs up.  A picture of each volume is kept for a hundred times as long as
 * reading it took, and for MAP_KEEP_MS at least; all callers get the kept picture.  A failure is
 * kept, too.  EAGAIN: another picture is being read.  ETIME: the metadata is too large.
 */
int request_map(const char *name, struct json_object **result, struct err *err);

#endif /* ERAD_REQUEST_MAP_H */
