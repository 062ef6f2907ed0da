// SPDX-License-Identifier: GPL-2.0-or-later
/* Converts the notes of the origin to text and back: see era_notes.h. */
#include <stdio.h>
#include <string.h>

#include "store/era_notes.h"

#define SEALED		"sealed "
#define UNSEALED	"unsealed "
#define UNKNOWN		"unknown"

/* The items, and after them the seal. */
union bytes {
	struct {
		uint8_t item[ERAD_HISTORY_ITEMS][ERAD_HISTORY_ITEM];
		uint8_t seal[ERAD_HISTORY_SEAL];
	};
	uint8_t byte[ERAD_HISTORY_ITEMS * ERAD_HISTORY_ITEM + ERAD_HISTORY_SEAL];
};

const char *era_notes_text(const struct store_notes *n, char text[ERA_NOTES_TEXT])
{
	size_t len = sizeof(union bytes);
	union bytes b;
	char *p;

	memcpy(b.item, n->item, sizeof(b.item));
	memcpy(b.seal, n->seal, sizeof(b.seal));
	while (len && !b.byte[len - 1])
		len--;
	if (n->sealed && !len)
		return strcpy(text, UNKNOWN);
	p = stpcpy(text, n->sealed ? SEALED : UNSEALED);
	for (size_t i = 0; i < len; i++)
		p += sprintf(p, "%02x", b.byte[i]);
	return text;
}

/* Returns the value of a hexadecimal digit in lower case, or -1. */
static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool era_notes_parse(const char *text, struct store_notes *n)
{
	static const uint8_t no_seal[ERAD_HISTORY_SEAL];
	union bytes b = { };
	size_t len;

	*n = (struct store_notes){ .sealed = true };
	if (!strcmp(text, UNKNOWN))
		return true;
	n->sealed = !strncmp(text, SEALED, strlen(SEALED));
	if (!n->sealed && strncmp(text, UNSEALED, strlen(UNSEALED)))
		return false;
	text += strlen(n->sealed ? SEALED : UNSEALED);
	len = strlen(text) / 2;
	if (strlen(text) % 2 || len > sizeof(b))
		return false;
	for (size_t i = 0; i < len; i++) {
		const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		b.byte[i] = high << 4 | low;
	}
	memcpy(n->item, b.item, sizeof(b.item));
	memcpy(n->seal, b.seal, sizeof(b.seal));
	return n->sealed || !memcmp(n->seal, no_seal, sizeof(no_seal));
}
