// SPDX-License-Identifier: GPL-2.0-or-later
/* Checks names of bookmarks: see bookmark.h. */
#include <errno.h>
#include <string.h>

#include "common/bookmark.h"
#include "erad_format.h"

#define ALNUM	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

int bookmark_check_name(const char *name, struct err *err)
{
	const size_t len = strlen(name);

	if (len && len <= ERAD_BOOKMARK_NAME && strspn(name, ALNUM "._+-") == len && strspn(name, ALNUM))
		return 0;
	return err_set(err, -EINVAL, "bookmark %.100s: expected 1 to %u letters, digits and . _ + -, the first a letter or a digit",
		       len ? name : "\"\"", ERAD_BOOKMARK_NAME);
}
