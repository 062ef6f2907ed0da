/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Byte sizes as people write and read them: 64K, 1.5 GiB. */
#ifndef ERAD_SIZE_H
#define ERAD_SIZE_H

#include <stdint.h>

#define SIZE_TEXT	32	/* room for size_format() */
#define SIZE_EXACT	64	/* room for size_exact() */

/*
 * Reads a decimal number of bytes, or of binary units if K, M, G, T or KiB, MiB, GiB, TiB
 * follows the number.  EINVAL: the text is something else.  ERANGE: the size does not fit.
 */
int size_parse(const char *text, uint64_t *bytes);

/*
 * Writes a text such as "64 KiB", and returns buf.  The number is rounded to one decimal if the
 * size is not a multiple of the unit.
 */
const char *size_format(char buf[SIZE_TEXT], uint64_t bytes);

/*
 * As size_format(), but exact: if the text is rounded, the number of bytes follows, as in
 * "1.1 MiB (1118208 bytes)".  Returns buf.
 */
const char *size_exact(char buf[SIZE_EXACT], uint64_t bytes);

#endif /* ERAD_SIZE_H */
