/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads and checks the arguments of a request, which are the members of a JSON object.
 *
 * All functions return 0, or EINVAL with a sentence for the user.  What they return in *out belongs
 * to the JSON object, and is valid as long as the object.
 */
#ifndef ERAD_REQUEST_ARGS_H
#define ERAD_REQUEST_ARGS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/token.h"

/* Returns the member, which must have the type.  *out is NULL if the member is missing. */
int args_member(struct json_object *arg, const char *key, enum json_type type,
		struct json_object **out, struct err *err);

/*
 * Returns a text of at most ERATAB_PATH_MAX bytes.  needed: a missing text is an error; otherwise
 * *out is NULL then.
 */
int args_text(struct json_object *arg, const char *key, bool needed, const char **out,
	      struct err *err);

/* Returns a number from 0 to max.  If the number is missing, *out keeps its value. */
int args_number(struct json_object *arg, const char *key, uint64_t max, uint64_t *out,
		struct err *err);

/* Returns the member "volume", which is needed, and must be a name that a volume can have. */
int args_volume(struct json_object *arg, const char **name, struct err *err);

/* Reads the member "token", which may be missing.  *text is the text of the token, or NULL. */
int args_token(struct json_object *arg, const char **text, struct token *t, struct err *err);

#endif /* ERAD_REQUEST_ARGS_H */
