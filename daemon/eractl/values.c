// SPDX-License-Identifier: GPL-2.0-or-later
/* Names, eras and members of answers: what may be in them and what they are. */
#include <errno.h>
#include <stdlib.h>

#include "common/eratab.h"
#include "eractl/eractl.h"

int check_name(const struct command *cmd, const char *name)
{
	struct err err;

	return eratab_check_name(name, &err) ? usage_error(cmd, "%s", err.msg) : 0;
}

int era_parse(const char *text, uint32_t *era)
{
	unsigned long long n;
	char *end;

	/* strtoull() takes spaces and signs, which no era has. */
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || *end || n >= UINT32_MAX)
		return -EINVAL;
	*era = (uint32_t)n;
	return 0;
}

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
