// SPDX-License-Identifier: GPL-2.0-or-later
/* Decodes escapes in paths: see octal.h. */
#include "common/octal.h"

bool octal_unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		unsigned int c;

		if (*s != '\\') {
			*to++ = *s;
			continue;
		}
		if (s[1] < '0' || s[1] > '3' || s[2] < '0' || s[2] > '7' ||
		    s[3] < '0' || s[3] > '7')
			return false;
		c = (s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0');
		if (!c)
			return false;
		*to++ = (char)c;
		s += 3;
	}
	*to = 0;
	return true;
}
