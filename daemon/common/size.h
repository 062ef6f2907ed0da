/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes in bytes as people write and read them, for example 64K or 1.5 GiB. */
#ifndef ERAD_SIZE_H
#define ERAD_SIZE_H

#include <stdint.h>

#define SIZE_TEXT	32	/* size of the buffer of size_format() */
#define SIZE_EXACT	64	/* size of the buffer of size_exact() */

/*
 * Parses a decimal number of bytes.  If K, M, G, T or KiB, MiB, GiB, TiB follows the number, it is
 * a number of these units.  EINVAL: the text is not a size.  ERANGE: the size is too large.
 */
int size_parse(const char *text, uint64_t *bytes);

/*
 * Returns in buf a text such as "64 KiB".  If the size is not a multiple of the unit, rounds the
 * number to one decimal.
 */
const char *size_format(char buf[SIZE_TEXT], uint64_t bytes);

/*
 * Writes the size as size_format() does.  If this text is rounded, appends the number of bytes, as
 * in "1.1 MiB (1118208 bytes)".  Returns buf.
 */
const char *size_exact(char buf[SIZE_EXACT], uint64_t bytes);

#endif /* ERAD_SIZE_H */
