// SPDX-License-Identifier: GPL-2.0-or-later
/* Members of JSON objects: see members.h. */
#include "common/members.h"

const char *json_text(struct json_object *o, const char *key)
{
	struct json_object *v = json_object_object_get(o, key);

	return json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
}

bool json_to_number(struct json_object *o, uint64_t *n)
{
	if (!json_object_is_type(o, json_type_int) || json_object_get_int64(o) < 0)
		return false;
	*n = json_object_get_uint64(o);
	return true;
}

bool json_number(struct json_object *o, const char *key, uint64_t *n)
{
	return json_to_number(json_object_object_get(o, key), n);
}
