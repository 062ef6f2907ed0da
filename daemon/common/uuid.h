/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UUIDs as text, the way tables and people write them. */
#ifndef ERAD_UUID_H
#define ERAD_UUID_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define UUID_TEXT_SIZE	37	/* with the final 0 */

/* Returns text. */
static inline char *uuid_text(const uint8_t u[16], char text[UUID_TEXT_SIZE])
{
	char *p = text;

	for (int i = 0; i < 16; i++)
		p += sprintf(p, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
	return text;
}

static inline bool uuid_is_zero(const uint8_t u[16])
{
	for (int i = 0; i < 16; i++)
		if (u[i])
			return false;
	return true;
}

#endif /* ERAD_UUID_H */
