/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the bookmarks of a volume: in erad, or in the metadata of a closed volume. */
#ifndef ERACTL_BOOKMARKS_H
#define ERACTL_BOOKMARKS_H

#include <json-c/json.h>
#include <stdint.h>

#include "common/err.h"
#include "common/token.h"

/*
 * Lists the bookmarks of a volume.  operand: the name of a volume, or a path of metadata, which has
 * a '/'.  *out receives an object with the bookmarks as the array "bookmarks"; the caller drops the
 * reference.
 */
int bookmarks_list(const char *operand, struct json_object **out, struct err *err);

/*
 * Call this after since_parse().  If *token is @BOOKMARK, writes the bookmark's token to text,
 * points *token to text and sets *era.  Otherwise changes nothing.  ENOENT: the volume has no such
 * bookmark.
 */
int since_find(const char *operand, const char **token, uint32_t *era, char text[TOKEN_TEXT_SIZE],
	       struct err *err);

#endif /* ERACTL_BOOKMARKS_H */
