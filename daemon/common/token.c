// SPDX-License-Identifier: GPL-2.0-or-later
/* Converts tokens to and from text: see token.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/token.h"
#include "common/uuid.h"

#define UUID_LEN	(UUID_TEXT_SIZE - 1)

char *token_text(const struct token *t, char text[TOKEN_TEXT_SIZE])
{
	char uuid[UUID_TEXT_SIZE];

	snprintf(text, TOKEN_TEXT_SIZE, "%s:%016" PRIx64 ":%" PRIu32, uuid_text(t->uuid, uuid), t->timeline,
		 t->era);
	return text;
}

bool token_from_text(const char *text, struct token *t)
{
	char uuid[UUID_TEXT_SIZE], again[TOKEN_TEXT_SIZE];
	unsigned long long era;

	if (strlen(text) >= TOKEN_TEXT_SIZE || strlen(text) < UUID_LEN + 1 + 16 + 2)
		return false;
	memcpy(uuid, text, UUID_LEN);
	uuid[UUID_LEN] = 0;
	if (!uuid_from_text(uuid, t->uuid))
		return false;
	t->timeline = strtoull(text + UUID_LEN + 1, NULL, 16);
	era = strtoull(text + UUID_LEN + 1 + 16 + 1, NULL, 10);
	t->era = era;
	/*
	 * Convert the token back and compare the texts, so that only one text is accepted for each
	 * token.
	 */
	return t->timeline && era < UINT32_MAX && !strcmp(text, token_text(t, again));
}
