// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes text as one word of a shell command: see shell.h. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/shell.h"

static bool is_plain(char c)
{
	return c && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-,:@%", c);
}

static bool is_ascii(char c)
{
	return c >= ' ' && c < 0x7f;
}

/* Returns whether all characters of text pass the check. */
static bool all_are(const char *text, bool (*check)(char c))
{
	while (*text && check(*text))
		text++;
	return !*text;
}

char *shell_word(const char *text)
{
	const bool ascii = all_are(text, is_ascii);
	/* A byte takes at most 4 characters; the quotes and the final 0 take 4 more. */
	char *word = malloc(4 * strlen(text) + 4), *to = word;

	if (!word)
		return NULL;
	if (*text && all_are(text, is_plain))
		return strcpy(word, text);
	/*
	 * Only $'…' can represent all bytes.  Use '…' if it is sufficient, because more people know
	 * it.
	 */
	to += sprintf(to, ascii ? "'" : "$'");
	for (; *text; text++) {
		if (!is_ascii(*text))
			to += sprintf(to, "\\%03o", (unsigned char)*text);
		else if (*text == '\'')
			to += sprintf(to, ascii ? "'\\''" : "\\'");
		else if (*text == '\\' && !ascii)
			to += sprintf(to, "\\\\");
		else
			*to++ = *text;
	}
	strcpy(to, "'");
	return word;
}
