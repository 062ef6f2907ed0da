/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts gaps, tokens and bookmarks into answers to requests. */
#ifndef ERAD_REQUEST_HISTORY_H
#define ERAD_REQUEST_HISTORY_H

#include <json-c/json.h>

#include "store/bookmarks.h"
#include "store/moment.h"

struct volume;

/* Returns all gaps as a list, the oldest first. */
struct json_object *gaps_json(const struct store_gap *gap, unsigned int nr);

/*
 * Returns the gaps that make a diff since era `since` list every block.  upto: the newest era that
 * the diff shows.  If the metadata contains only a floor and no gap, the list contains one gap of
 * the kind "unknown".
 */
struct json_object *gaps_since_json(struct store *s, uint32_t since, uint32_t upto);

/* Returns the token of era `era`, or NULL if the metadata does not know the era's timeline. */
struct json_object *token_json(struct store *s, uint32_t era);

/* Adds the era and its token, or the gaps that were noticed in this era and in the era before. */
void add_era_and_token(struct json_object *o, struct volume *v, uint32_t era);
void add_gaps(struct json_object *o, struct volume *v, uint32_t era);

/* Returns all bookmarks as a list, in order of their names. */
struct json_object *bookmarks_json(struct store *s);

#endif /* ERAD_REQUEST_HISTORY_H */
