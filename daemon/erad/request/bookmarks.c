// SPDX-License-Identifier: GPL-2.0-or-later
/* Lists, sets and deletes the bookmarks of a volume: see bookmarks.h. */
#include <errno.h>

#include "common/jsonl.h"
#include "erad/ops/closed.h"
#include "erad/ops/open.h"
#include "erad/request/args.h"
#include "erad/request/bookmarks.h"
#include "erad/request/history.h"
#include "erad/volume/volume.h"

static struct json_object *bookmarks_result(const char *name, struct store *s)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "volume", jsonl_text(name));
	json_object_object_add(o, "bookmarks", bookmarks_json(s));
	return o;
}

int request_bookmarks(struct json_object *arg, struct json_object **result, struct err *err)
{
	const char *name;
	struct volume *v;
	struct store *s;
	int r;

	r = args_volume(arg, &name, err);
	if (r)
		return r;
	r = op_find(name, &v, err);
	if (r == -ENOTCONN) {
		r = op_open_closed(name, &s, NULL, err);
		if (!r) {
			*result = bookmarks_result(name, s);
			store_close(s, false, NULL);
		}
		return r;
	}
	if (r)
		return r;
	s = volume_store_get(v);
	if (s) {
		*result = bookmarks_result(name, s);
		volume_store_put(v);
	} else {
		r = volume_store_missing(err);
	}
	volume_unref(v);
	return r;
}

/* Sets the bookmark if the request has a token, or else deletes it. */
static int change_bookmark(struct json_object *arg, struct err *err)
{
	const char *name, *bookmark, *text;
	struct token token;
	struct volume *v;
	struct store *s;
	int r;

	r = args_volume(arg, &name, err);
	if (!r)
		r = args_text(arg, "bookmark", true, &bookmark, err);
	if (!r)
		r = args_token(arg, &text, &token, err);
	if (!r)
		r = op_find(name, &v, err);
	if (r)
		return r;
	s = volume_store_get(v);
	if (!s)
		r = volume_store_missing(err);
	else if (text)
		r = store_set_bookmark(s, bookmark, &token, err);
	else
		r = store_delete_bookmark(s, bookmark, err);
	if (s)
		volume_store_put(v);
	volume_unref(v);
	return r;
}

int request_bookmark_set(struct json_object *arg, struct json_object **result, struct err *err)
{
	const char *text;
	int r = args_text(arg, "token", true, &text, err);

	if (!r)
		r = change_bookmark(arg, err);
	return r ? r : request_bookmarks(arg, result, err);
}

int request_bookmark_delete(struct json_object *arg, struct json_object **result, struct err *err)
{
	int r;

	if (json_object_object_get_ex(arg, "token", NULL))
		return err_set(err, -EINVAL, "the request has a \"token\", expected none");
	r = change_bookmark(arg, err);
	return r ? r : request_bookmarks(arg, result, err);
}
