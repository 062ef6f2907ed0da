// SPDX-License-Identifier: GPL-2.0-or-later
/* Formats the error message that the user reads. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"

#define CUT	"..."

/* Marks the end of a message that was cut.  Does not cut a UTF-8 character in the middle. */
static void mark_cut(char msg[ERR_MAX])
{
	size_t len = ERR_MAX - sizeof(CUT);

	while (len && ((unsigned char)msg[len] & 0xc0) == 0x80)
		len--;
	strcpy(msg + len, CUT);
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (e) {
		va_start(ap, fmt);
		if (vsnprintf(e->msg, sizeof(e->msg), fmt, ap) >= (int)sizeof(e->msg))
			mark_cut(e->msg);
		va_end(ap);
	}
	return code;
}

int err_prefix(struct err *e, int code, const char *fmt, ...)
{
	char what[sizeof(e->msg)];
	size_t len, room;
	va_list ap;

	if (!e)
		return code;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);

	/* If the result is too long, cut its end, because the beginning says what happened. */
	len = strnlen(what, sizeof(what) - 3);
	memcpy(what + len, ": ", 3);
	len += 2;
	room = sizeof(what) - 1 - len;
	if (room < strlen(e->msg)) {
		memcpy(what + len, e->msg, room);
		what[len + room] = '\0';
		mark_cut(what);
	} else {
		strcpy(what + len, e->msg);
	}
	strcpy(e->msg, what);
	return code;
}

void err_suffix(struct err *e, const char *fmt, ...)
{
	size_t len;
	va_list ap;

	if (!e)
		return;
	len = strlen(e->msg);
	if (len + 3 > sizeof(e->msg)) {
		mark_cut(e->msg);
		return;
	}
	strcpy(e->msg + len, "; ");
	len += 2;
	va_start(ap, fmt);
	if (vsnprintf(e->msg + len, sizeof(e->msg) - len, fmt, ap) >= (int)(sizeof(e->msg) - len))
		mark_cut(e->msg);
	va_end(ap);
}

/*
 * Returns the length in bytes of the control character at the beginning of text, or 0 if text
 * begins with another character.
 */
static unsigned int control_length(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;

	if (*c && (*c < ' ' || *c == 0x7f))
		return 1;
	/* U+0080 to U+009F, which are also control characters, have these two bytes in UTF-8. */
	return *c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0 ? 2 : 0;
}

char *printable(char *text)
{
	unsigned int len;
	char *p;

	for (p = text; *p; p += len ? len : 1) {
		len = control_length(p);
		memset(p, '?', len);
	}
	return text;
}

char *one_line(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++)
		if (*p != ' ' && *p != '\n')
			*to++ = *p;
		else if (to > text && to[-1] != ' ')
			*to++ = ' ';
	if (to > text && to[-1] == ' ')
		to--;
	*to = 0;
	return text;
}

void print_printable(FILE *f, const char *text)
{
	while (*text) {
		unsigned int len = control_length(text);

		if (!len)
			putc(*text++, f);
		for (; len; len--)
			fprintf(f, "\\x%02x", (unsigned char)*text++);
	}
}
