// SPDX-License-Identifier: GPL-2.0-or-later
/* Puts gaps, tokens and bookmarks into answers to requests: see history.h. */
#include "common/jsonl.h"
#include "erad/request/history.h"
#include "erad/volume/volume.h"

static struct json_object *gap_json(const struct store_gap *g)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "era", json_object_new_int64(g->era));
	json_object_object_add(o, "time", g->time ? json_object_new_uint64(g->time) : NULL);
	json_object_object_add(o, "kind", json_object_new_string(store_gap_name(g->kind)));
	json_object_object_add(o, "detail", jsonl_text(g->detail));
	return o;
}

struct json_object *gaps_json(const struct store_gap *gap, unsigned int nr)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < nr; i++)
		json_object_array_add(list, gap_json(&gap[i]));
	return list;
}

struct json_object *gaps_since_json(struct store *s, uint32_t since, uint32_t upto)
{
	struct store_gap gap[ERAD_GAPS];

	return gaps_json(gap, store_gaps_since(s, since, upto, gap));
}

struct json_object *token_json(struct store *s, uint32_t era)
{
	char text[TOKEN_TEXT_SIZE];
	struct token t;

	return store_token(s, era, &t) ? json_object_new_string(token_text(&t, text)) : NULL;
}

void add_era_and_token(struct json_object *o, struct volume *v, uint32_t era)
{
	struct store *s = volume_store_get(v);

	json_object_object_add(o, "era", json_object_new_int64(era));
	json_object_object_add(o, "token", s ? token_json(s, era) : NULL);
	if (s)
		volume_store_put(v);
}

void add_gaps(struct json_object *o, struct volume *v, uint32_t era)
{
	struct store *s = volume_store_get(v);

	json_object_object_add(o, "gaps", s ? gaps_since_json(s, era - 1, era) : NULL);
	if (s)
		volume_store_put(v);
}

struct json_object *bookmarks_json(struct store *s)
{
	struct store_bookmark bookmark[ERAD_BOOKMARKS];
	struct json_object *list = json_object_new_array(), *o;
	const unsigned int nr = store_bookmarks(s, bookmark);
	char text[TOKEN_TEXT_SIZE];

	for (unsigned int i = 0; i < nr; i++) {
		o = json_object_new_object();
		json_object_object_add(o, "name", json_object_new_string(bookmark[i].name));
		json_object_object_add(o, "token", json_object_new_string(token_text(&bookmark[i].token, text)));
		json_object_object_add(o, "era", json_object_new_int64(bookmark[i].token.era));
		json_object_object_add(o, "time", json_object_new_uint64(bookmark[i].time));
		json_object_array_add(list, o);
	}
	return list;
}
