/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bookmarks of one volume: names for moments, stored in the history.  If the metadata is
 * replaced by an older copy, the bookmarks of the copy replace the present ones.  Any thread may
 * call these functions.
 */
#ifndef ERAD_STORE_BOOKMARKS_H
#define ERAD_STORE_BOOKMARKS_H

#include "common/token.h"
#include "store/store.h"

struct store_bookmark {
	char name[ERAD_BOOKMARK_NAME + 1];
	/* The moment.  The metadata may no longer know its timeline: see store_check_token(). */
	struct token token;
	uint64_t time;		/* when the bookmark was set, in seconds since 1970 */
};

/*
 * Copies all bookmarks, in the order of their names.  Returns their number.  Takes no lock that is
 * held over I/O.
 */
unsigned int store_bookmarks(struct store *s, struct store_bookmark bookmark[ERAD_BOOKMARKS]);

/*
 * Sets a bookmark, or moves an existing bookmark of this name.  Durable when this returns.  EINVAL:
 * the name is not a valid one.  ESTALE: the metadata does not know the token's moment.  ENOSPC:
 * there are already ERAD_BOOKMARKS other bookmarks.  After any other error, the bookmark is
 * unchanged, but after a crash it may be set.
 */
int store_set_bookmark(struct store *s, const char *name, const struct token *t, struct err *err);

/* Deletes a bookmark.  Durable on return.  ENOENT: no bookmark has the name. */
int store_delete_bookmark(struct store *s, const char *name, struct err *err);

#endif /* ERAD_STORE_BOOKMARKS_H */
