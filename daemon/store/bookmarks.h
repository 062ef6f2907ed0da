/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bookmarks of one volume: names for moments, stored in the history.  If the metadata is put
 * back from an older copy, the bookmarks are those of the copy.  Any thread may call these
 * functions.
 */
#ifndef ERAD_STORE_BOOKMARKS_H
#define ERAD_STORE_BOOKMARKS_H

#include "common/token.h"
#include "store/store.h"

struct store_bookmark {
	char name[ERAD_BOOKMARK_NAME + 1];
	struct token token;	/* the metadata may have dropped the timeline of this moment: see store_check_token() */
	uint64_t time;		/* when the bookmark was set, in seconds since 1970 */
};

/* Copies all bookmarks in order of their names, and returns their number.  Takes no lock that is held over I/O. */
unsigned int store_bookmarks(struct store *s, struct store_bookmark bookmark[ERAD_BOOKMARKS]);

/*
 * Sets a bookmark, or moves the bookmark of this name.  Durable on return.  EINVAL: no bookmark can
 * have the name.  ESTALE: the metadata does not know the token's moment.  ENOSPC: there are
 * ERAD_BOOKMARKS other bookmarks.  After any other error, the bookmark is as before, but may be set
 * after a crash.
 */
int store_set_bookmark(struct store *s, const char *name, const struct token *t, struct err *err);

/* Deletes a bookmark.  Durable on return.  ENOENT: no bookmark has the name. */
int store_delete_bookmark(struct store *s, const char *name, struct err *err);

#endif /* ERAD_STORE_BOOKMARKS_H */
