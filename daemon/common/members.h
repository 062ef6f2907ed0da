/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members of JSON objects, which may be missing or of another type than expected. */
#ifndef ERAD_MEMBERS_H
#define ERAD_MEMBERS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

/* The member, if it is a string or a number that is not negative; else NULL, false.  o is an object or NULL. */
const char *json_text(struct json_object *o, const char *key);
bool json_number(struct json_object *o, const char *key, uint64_t *n);
bool json_to_number(struct json_object *o, uint64_t *n);

#endif /* ERAD_MEMBERS_H */
