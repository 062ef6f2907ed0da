/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes in bytes as people write and read them, for example 64K or 1.5 GiB. */
#ifndef ERAD_SIZE_H
#define ERAD_SIZE_H

#include <stdint.h>

#define SIZE_TEXT	32	/* size of the buffer of size_format() */
#define SIZE_EXACT	64	/* size of the buffer of size_exact() */

/*
 * Parses a decimal number without a fraction: a number of bytes, or of KiB, MiB, GiB or TiB if such
 * a unit or its first letter follows the number without a blank.  The letter may be lower-case.
 * Returns 0, -EINVAL if the text is not a size, or -ERANGE if the size does not fit into 64 bits.
 */
int size_parse(const char *text, uint64_t *bytes);

/*
 * Writes a text such as "64 KiB" to buf.  If the size is not a multiple of the unit, rounds the
 * number to one decimal.  Returns buf.
 */
const char *size_format(char buf[SIZE_TEXT], uint64_t bytes);

/*
 * Writes the size as size_format() does.  If the size is not a multiple of the text's unit, appends
 * the number of bytes, as in "1.1 MiB (1118208 bytes)".  Returns buf.
 */
const char *size_exact(char buf[SIZE_EXACT], uint64_t bytes);

#endif /* ERAD_SIZE_H */
