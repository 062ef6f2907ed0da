/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The requests BOOKMARKS, BOOKMARK_SET and BOOKMARK_DELETE of common/protocol.h.  Each answer
 * contains all bookmarks of the volume.
 *
 * arg: the request.  The functions return 0 or a negative errno.  On success, the caller drops the
 * reference to *result.
 */
#ifndef ERAD_REQUEST_BOOKMARKS_H
#define ERAD_REQUEST_BOOKMARKS_H

#include <json-c/json.h>

#include "common/err.h"

/* Lists the bookmarks.  The volume may be closed. */
int request_bookmarks(struct json_object *arg, struct json_object **result, struct err *err);

/* Sets a bookmark, or changes its token.  The volume must be open. */
int request_bookmark_set(struct json_object *arg, struct json_object **result, struct err *err);

/* Deletes a bookmark.  The volume must be open. */
int request_bookmark_delete(struct json_object *arg, struct json_object **result, struct err *err);

#endif /* ERAD_REQUEST_BOOKMARKS_H */
