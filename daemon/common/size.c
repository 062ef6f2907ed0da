// SPDX-License-Identifier: GPL-2.0-or-later
/* Sizes in bytes as people write and read them, for example 64K or 1.5 GiB: see size.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/size.h"

int size_parse(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGTkmgt";
	unsigned long long n;
	unsigned int shift = 0;
	char *end;

	/* strtoull() also accepts leading blanks and signs, so check for a digit. */
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno)
		return -ERANGE;
	if (*end) {
		const char *unit = strchr(units, *end);

		if (!unit || (end[1] && strcmp(end + 1, "iB")))
			return -EINVAL;
		shift = 10 * ((unit - units) % 4 + 1);
	}
	if (n > UINT64_MAX >> shift)
		return -ERANGE;
	*bytes = (uint64_t)n << shift;
	return 0;
}

/*
 * Returns how many tenths of the unit `bytes` are, rounded.  The product cannot overflow: unit is
 * at most 2^60, and the remainder is less.
 */
static uint64_t tenths_of(uint64_t bytes, uint64_t unit)
{
	return bytes / unit * 10 + (bytes % unit * 10 + unit / 2) / unit;
}

/*
 * Writes the size as text to buf.  Returns whether the size is a multiple of the text's unit: if
 * not, the number in the text may be rounded.
 */
static bool format_size(char buf[SIZE_TEXT], uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	const char *u = units;
	uint64_t unit = 1024;

	if (bytes < 1024) {
		snprintf(buf, SIZE_TEXT, "%" PRIu64 " B", bytes);
		return true;
	}
	/* If the number would be rounded up to 1024, use 1 of the next unit instead. */
	while (u[1] && (bytes / unit >= 1024 || tenths_of(bytes, unit) >= 10240)) {
		unit <<= 10;
		u++;
	}
	if (tenths_of(bytes, unit) % 10)
		snprintf(buf, SIZE_TEXT, "%" PRIu64 ".%" PRIu64 " %ciB",
			 tenths_of(bytes, unit) / 10, tenths_of(bytes, unit) % 10, *u);
	else
		snprintf(buf, SIZE_TEXT, "%" PRIu64 " %ciB", tenths_of(bytes, unit) / 10, *u);
	return bytes % unit == 0;
}

const char *size_format(char buf[SIZE_TEXT], uint64_t bytes)
{
	format_size(buf, bytes);
	return buf;
}

const char *size_exact(char buf[SIZE_EXACT], uint64_t bytes)
{
	if (!format_size(buf, bytes))
		snprintf(buf + strlen(buf), SIZE_EXACT - SIZE_TEXT, " (%" PRIu64 " bytes)", bytes);
	return buf;
}
