// SPDX-License-Identifier: GPL-2.0-or-later
/* What the answers to requests have in common: see call.h. */
#include "erad/request/call.h"

struct json_object *one_text(const char *key, const char *text)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, key, text ? jsonl_text(text) : NULL);
	return o;
}
