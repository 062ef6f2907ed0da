// SPDX-License-Identifier: GPL-2.0-or-later
/* Gaps and tokens in the answers to requests. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/jsonl.h"
#include "common/uuid.h"
#include "erad/request/history.h"

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
	struct store_gap gap[ERAD_GAPS], floor = { .kind = ERAD_GAP_UNKNOWN };
	unsigned int nr = store_gaps(s, gap), i = 0;
	struct store_info info;

	store_info(s, &info);
	while (nr && gap[nr - 1].era > upto)
		nr--;
	while (i < nr && gap[i].era < since)
		i++;
	if (!since || i < nr || info.floor_era < since || info.floor_era > upto)
		return gaps_json(&gap[i], since ? nr - i : 0);
	floor.era = info.floor_era;
	strcpy(floor.detail, info.degraded ? "writes pass, or have passed, unrecorded" :
	       "every block counts as written, and the log of the gaps does not say why");
	return gaps_json(&floor, 1);
}

struct json_object *token_json(struct store *s, uint32_t era)
{
	struct token t = { .timeline = store_timeline(s, era), .era = era };
	char text[TOKEN_TEXT_SIZE];
	struct store_info info;

	if (!t.timeline)
		return NULL;
	store_info(s, &info);
	memcpy(t.uuid, info.uuid, sizeof(t.uuid));
	return json_object_new_string(token_text(&t, text));
}

int token_check(struct store *s, const struct token *t, struct err *err)
{
	char got[UUID_TEXT_SIZE], expected[UUID_TEXT_SIZE];
	struct store_info info;

	store_info(s, &info);
	if (memcmp(t->uuid, info.uuid, sizeof(t->uuid)))
		return err_set(err, -ESTALE, "the token is of metadata with UUID %s, the volume's metadata has UUID %s",
			       uuid_text(t->uuid, got), uuid_text(info.uuid, expected));
	switch (store_moment(s, t->timeline, t->era)) {
	case MOMENT_KNOWN:
		return 0;
	case MOMENT_TOO_OLD:
		return err_set(err, -ESTALE, "the token is of era %" PRIu32
			       ", and the metadata knows its timelines since era %" PRIu32 " only", t->era,
			       store_timelines_since(s));
	case MOMENT_OTHER_ERA:
		return err_set(err, -ESTALE, "the metadata, which is in era %" PRIu32
			       ", knows the token's timeline, but has no era %" PRIu32
			       " in it: the metadata was put back from an older copy", info.era, t->era);
	default:
		return err_set(err, -ESTALE,
			       "the metadata does not know the token's timeline: the metadata was put back from an older copy, cloned or restored");
	}
}
