// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds bookmarks in erad or in metadata: see bookmarks.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/client.h"
#include "common/jsonl.h"
#include "common/members.h"
#include "eractl/bookmarks.h"
#include "eractl/metadata.h"
#include "store/bookmarks.h"

static struct json_object *bookmark_json(const struct store_bookmark *b)
{
	struct json_object *o = json_object_new_object();
	char text[TOKEN_TEXT_SIZE];

	json_object_object_add(o, "name", json_object_new_string(b->name));
	json_object_object_add(o, "token", json_object_new_string(token_text(&b->token, text)));
	json_object_object_add(o, "era", json_object_new_int64(b->token.era));
	json_object_object_add(o, "time", json_object_new_uint64(b->time));
	return o;
}

static int list_from_metadata(const char *path, struct json_object **out, struct err *err)
{
	struct store_bookmark bookmark[ERAD_BOOKMARKS];
	struct json_object *list;
	struct engine *engine;
	unsigned int i, nr;
	struct store *s;
	int r;

	r = metadata_open(path, ENGINE_READ, &engine, err);
	if (!r)
		r = store_open(engine, STORE_READ, &s, err);
	if (r)
		return r;
	nr = store_bookmarks(s, bookmark);
	store_close(s, false, NULL);
	list = json_object_new_array();
	for (i = 0; i < nr; i++)
		json_object_array_add(list, bookmark_json(&bookmark[i]));
	*out = json_object_new_object();
	json_object_object_add(*out, "metadata", jsonl_text(path));
	json_object_object_add(*out, "bookmarks", list);
	return 0;
}

int bookmarks_list(const char *operand, struct json_object **out, struct err *err)
{
	int r;

	if (strchr(operand, '/'))
		return list_from_metadata(operand, out, err);
	r = client_call(client_request("bookmarks", operand), NULL, NULL, out, err);
	if (r || json_object_is_type(json_object_object_get(*out, "bookmarks"), json_type_array))
		return r;
	json_object_put(*out);
	return err_set(err, -EBADMSG, "volume %s: the answer of erad cannot be understood: it has no list of bookmarks", operand);
}

int since_find(const char *operand, const char **token, uint32_t *era, char text[TOKEN_TEXT_SIZE],
	       struct err *err)
{
	struct json_object *answer, *list, *b;
	const char *name, *found = NULL;
	struct token t;
	size_t i;
	int r;

	if (!*token || **token != '@')
		return 0;
	r = bookmarks_list(operand, &answer, err);
	if (r)
		return r;
	list = json_object_object_get(answer, "bookmarks");
	for (i = 0; i < json_object_array_length(list) && !found; i++) {
		b = json_object_array_get_idx(list, i);
		name = json_text(b, "name");
		if (name && !strcmp(name, *token + 1))
			found = json_text(b, "token");
	}
	if (!found) {
		r = err_set(err, -ENOENT, "volume %s: there is no bookmark %s; 'eractl bookmark %s' lists the bookmarks",
			    operand, *token + 1, operand);
	} else if (!token_from_text(found, &t)) {
		r = err_set(err, -EBADMSG, "volume %s: bookmark %s has %.100s, expected a token", operand, *token + 1, found);
	} else {
		*token = token_text(&t, text);
		*era = t.era;
	}
	json_object_put(answer);
	return r;
}
