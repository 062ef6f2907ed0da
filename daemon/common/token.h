/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tokens: one moment of one volume as text, UUID:TIMELINE:ERA.  The timeline is the random number of
 * the activation in which the era began, as 16 hexadecimal digits.
 */
#ifndef ERAD_TOKEN_H
#define ERAD_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#define TOKEN_TEXT_SIZE	66	/* bytes of the text, with the final 0 */

struct token {
	uint8_t uuid[16];
	uint64_t timeline;	/* not 0 */
	uint32_t era;
};

/* Writes the token as text.  Returns text. */
char *token_text(const struct token *t, char text[TOKEN_TEXT_SIZE]);

/* Reads what token_text() writes.  Returns false if text is something else. */
bool token_from_text(const char *text, struct token *t);

#endif /* ERAD_TOKEN_H */
