// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opens standard input, output and error if the caller of the program has closed them: see
 * stdfds.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/stdfds.h"

void stdfds_open(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* fd is the lowest free number, so open() returns fd.  "/" always exists. */
		if (open("/", O_PATH | O_DIRECTORY) != fd)
			_exit(EXIT_FAILURE);
	}
}

int stdfds_end(const char *program)
{
	if (!fflush(stdout) && !ferror(stdout))
		return EXIT_SUCCESS;
	fprintf(stderr, "%s: cannot write the output: %s\n", program, strerror(errno));
	return EXIT_FAILURE;
}
