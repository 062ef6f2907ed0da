/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One request, while erad carries it out. */
#ifndef ERAD_REQUEST_CALL_H
#define ERAD_REQUEST_CALL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/jsonl.h"

struct request {
	struct jsonl *j;
	struct json_object *arg;
	uint64_t told_ms;	/* when the last progress line was sent */
	bool root;		/* the caller is root, and not a guest */
};

/* Returns a new JSON object whose only member, `key`, is the text.  NULL: the member is null. */
struct json_object *one_text(const char *key, const char *text);

#endif /* ERAD_REQUEST_CALL_H */
