// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the values of options. */
#include <errno.h>
#include <stdlib.h>

#include "eractl/eractl.h"

int era_parse(const char *text, uint32_t *era)
{
	unsigned long long n;
	char *end;

	/* strtoull() also accepts leading blanks and signs, so check for a digit. */
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || *end || n >= UINT32_MAX)
		return -EINVAL;
	*era = (uint32_t)n;
	return 0;
}
