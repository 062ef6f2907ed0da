/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tokens: a token names one moment of one volume, as the text UUID:TIMELINE:ERA.  TIMELINE is the
 * random number of the activation in which the era began, as 16 hexadecimal digits.
 */
#ifndef ERAD_TOKEN_H
#define ERAD_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#define TOKEN_TEXT_SIZE	66	/* bytes of the text, including the final 0 */

struct token {
	uint8_t uuid[16];
	uint64_t timeline;	/* never 0 */
	uint32_t era;
};

/* Converts the token to text.  Returns text. */
char *token_text(const struct token *t, char text[TOKEN_TEXT_SIZE]);

/* Parses a token.  Returns false if text is not a token as token_text() makes it. */
bool token_from_text(const char *text, struct token *t);

#endif /* ERAD_TOKEN_H */
