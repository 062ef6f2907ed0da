// SPDX-License-Identifier: GPL-2.0-or-later
/* Gets the arguments of a request: see args.h. */
#include <errno.h>
#include <string.h>

#include "common/eratab.h"
#include "erad/request/args.h"

int args_member(struct json_object *arg, const char *key, enum json_type type,
		struct json_object **out, struct err *err)
{
	struct json_object *o;

	*out = NULL;
	if (!json_object_object_get_ex(arg, key, &o) || !o)
		return 0;
	if (!json_object_is_type(o, type))
		return err_set(err, -EINVAL, "\"%.40s\" is a JSON %s, expected %s", key,
			       json_type_to_name(json_object_get_type(o)),
			       json_type_to_name(type));
	*out = o;
	return 0;
}

int args_text(struct json_object *arg, const char *key, bool needed, const char **out,
	      struct err *err)
{
	struct json_object *o;
	int r = args_member(arg, key, json_type_string, &o, err);

	*out = NULL;
	if (r)
		return r;
	if (!o)
		return needed ? err_set(err, -EINVAL, "the request has no \"%s\"", key) : 0;
	*out = json_object_get_string(o);
	if (strlen(*out) != (size_t)json_object_get_string_len(o) ||
	    strlen(*out) > ERATAB_PATH_MAX)
		return err_set(err, -EINVAL, "\"%s\" is too long or holds a 0 character", key);
	return 0;
}

int args_number(struct json_object *arg, const char *key, uint64_t max, uint64_t *out,
		struct err *err)
{
	struct json_object *o;
	int r = args_member(arg, key, json_type_int, &o, err);

	if (r || !o)
		return r;
	/* Check the sign first: json_object_get_uint64() returns 0 for a negative number. */
	if (json_object_get_int64(o) < 0 || json_object_get_uint64(o) > max)
		return err_set(err, -EINVAL, "\"%s\" is %s, expected 0 to %llu", key,
			       json_object_get_string(o), (unsigned long long)max);
	*out = json_object_get_uint64(o);
	return 0;
}

int args_volume(struct json_object *arg, const char **name, struct err *err)
{
	int r = args_text(arg, "volume", true, name, err);

	return r ? r : eratab_check_name(*name, err);
}

int args_token(struct json_object *arg, const char **text, struct token *t, struct err *err)
{
	const int r = args_text(arg, "token", false, text, err);

	if (r || !*text || token_from_text(*text, t))
		return r;
	return err_set(err, -EINVAL, "\"token\" is %.100s, expected UUID:TIMELINE:ERA", *text);
}
