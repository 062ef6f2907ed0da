/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small picture of a volume, by the age of its blocks, for callers who may ask often. */
#ifndef ERAD_REQUEST_MAP_H
#define ERAD_REQUEST_MAP_H

#include <json-c/json.h>

#include "common/err.h"
#include "common/jsonl.h"

/*
 * Returns 0 and *result, MAP of common/protocol.h, which the caller puts, or a negative errno.  One picture
 * at a time is read from the metadata, for MAP_READ_MS at most.  A picture is kept, and given to all
 * callers, for a hundred times as long as reading it took, and for MAP_KEEP_MS at least.  A failure is kept, too.
 * EAGAIN: another picture is being read.  ETIME: the metadata is too large.
 */
int request_map(struct jsonl *j, const char *name, struct json_object **result, struct err *err);

#endif /* ERAD_REQUEST_MAP_H */
