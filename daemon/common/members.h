/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members of JSON objects, which may be missing or of another type than expected. */
#ifndef ERAD_MEMBERS_H
#define ERAD_MEMBERS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * o is an object or NULL.  json_text() returns the member if it is a string, else NULL.
 * json_number() returns true and sets *n if the member is an integer and not negative; else it
 * returns false.  json_to_number(): as json_number(), but o itself is the number; o may be of any
 * type.
 */
const char *json_text(struct json_object *o, const char *key);
bool json_number(struct json_object *o, const char *key, uint64_t *n);
bool json_to_number(struct json_object *o, uint64_t *n);

#endif /* ERAD_MEMBERS_H */
