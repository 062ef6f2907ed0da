// SPDX-License-Identifier: GPL-2.0-or-later
/* Shows the progress of a command: see progress.h. */
#include <stdio.h>
#include <unistd.h>

#include "eractl/eractl.h"
#include "eractl/progress.h"

void progress_show(const char *what, uint64_t done, uint64_t total)
{
	static int shown = -1;
	const int percent = (int)(done / (total / 100 + 1));

	if ((percent == shown && done < total) || !isatty(STDERR_FILENO))
		return;
	shown = percent;
	fputs("\r\033[K", stderr);
	if (done >= total)
		return;
	fputs("eractl: ", stderr);
	print_printable(stderr, what);
	fprintf(stderr, ": %d %%", percent);
}
