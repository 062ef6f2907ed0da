// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes temporary files: see temporary.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "eractl/temporary.h"

const char *temporary_directory(const char *directory)
{
	const char *own = getenv("TMPDIR");

	if (directory)
		return directory;
	return own && *own ? own : P_tmpdir;
}

FILE *temporary_file(const char *directory)
{
	char path[PATH_MAX];
	FILE *f;
	int fd;

	directory = temporary_directory(directory);
	if (snprintf(path, sizeof(path), "%s/.erad-XXXXXX", directory) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return NULL;
	unlink(path);
	f = fdopen(fd, "w+");
	if (!f)
		close(fd);
	return f;
}
