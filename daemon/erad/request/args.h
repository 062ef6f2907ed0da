/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gets and checks the arguments of a request, which are the members of a JSON object.
 *
 * All functions return 0, or EINVAL with a message.  A pointer in *out belongs to the JSON object,
 * and is valid as long as the object exists.
 */
#ifndef ERAD_REQUEST_ARGS_H
#define ERAD_REQUEST_ARGS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/token.h"

/*
 * Sets *out to the member, which must have the given type, or to NULL if the member is missing or
 * null.
 */
int args_member(struct json_object *arg, const char *key, enum json_type type,
		struct json_object **out, struct err *err);

/*
 * Sets *out to the member, a text of at most ERATAB_PATH_MAX bytes.  If the text is missing, fails
 * if needed is true, and else sets *out to NULL.
 */
int args_text(struct json_object *arg, const char *key, bool needed, const char **out,
	      struct err *err);

/* Sets *out to the member, a number from 0 to max.  If the number is missing, *out is unchanged. */
int args_number(struct json_object *arg, const char *key, uint64_t max, uint64_t *out,
		struct err *err);

/* Sets *name to the member "volume", which must exist, and must be a valid name of a volume. */
int args_volume(struct json_object *arg, const char **name, struct err *err);

/*
 * Gets the member "token".  Sets *text to its text, and *t to the token.  If the member is missing,
 * sets *text to NULL, and leaves *t unchanged.
 */
int args_token(struct json_object *arg, const char **text, struct token *t, struct err *err);

#endif /* ERAD_REQUEST_ARGS_H */
