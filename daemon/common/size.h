/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Byte sizes as people write and read them: 64K, 1.5 GiB. */
#ifndef ERAD_SIZE_H
#define ERAD_SIZE_H

#include <stdint.h>

#define SIZE_TEXT	32	/* room for size_format() */
#define SIZE_EXACT	64	/* room for size_exact() */

/*
 * A decimal number of bytes, or of binary units with K, M, G or T (KiB … too)
 * after it.  EINVAL if it is anything else, ERANGE if it does not fit.
 */
int size_parse(const char *text, uint64_t *bytes);

/*
 * Writes "64 KiB", rounded to one decimal where it is not a whole number of
 * the unit, and returns buf.
 */
const char *size_format(char buf[SIZE_TEXT], uint64_t bytes);

/*
 * As size_format(), but exact: where that rounds, the number of bytes follows,
 * "1.1 MiB (1118208 bytes)".  Returns buf.
 */
const char *size_exact(char buf[SIZE_EXACT], uint64_t bytes);

#endif /* ERAD_SIZE_H */
