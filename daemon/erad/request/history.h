/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gaps and tokens in the answers to requests. */
#ifndef ERAD_REQUEST_HISTORY_H
#define ERAD_REQUEST_HISTORY_H

#include <json-c/json.h>

#include "common/token.h"
#include "store/history.h"

/* The gaps, the oldest first, as a list. */
struct json_object *gaps_json(const struct store_gap *gap, unsigned int nr);

/*
 * The gaps for which a diff since that era, of a view whose newest era is upto, lists every
 * block; with one of the kind "unknown" if only the floor is known.
 */
struct json_object *gaps_since_json(struct store *s, uint32_t since, uint32_t upto);

/* The token of that era, or NULL where the metadata does not know its timeline. */
struct json_object *token_json(struct store *s, uint32_t era);

/* 0: the metadata knows the token's moment.  Else -ESTALE, and why a full copy is due. */
int token_check(struct store *s, const struct token *t, struct err *err);

#endif /* ERAD_REQUEST_HISTORY_H */
