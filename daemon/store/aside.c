// SPDX-License-Identifier: GPL-2.0-or-later
/* Renames or removes a metadata file: see aside.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/aside.h"

int aside_return(const char *aside, const char *path)
{
	if (!renameat2(AT_FDCWD, aside, AT_FDCWD, path, RENAME_NOREPLACE))
		return 0;
	/*
	 * Some file systems do not support RENAME_NOREPLACE.  Use link(), which never replaces a
	 * file either.
	 */
	if (errno != EINVAL || link(aside, path))
		return -errno;
	return unlink(aside) ? -errno : 0;
}

int aside_move(const char *path, const struct stat *st, char aside[PATH_MAX])
{
	struct stat moved;
	int fd, r;

	if (snprintf(aside, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX) {
		r = -ENAMETOOLONG;
		goto out;
	}
	fd = mkostemp(aside, O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		goto out;
	}
	close(fd);
	if (rename(path, aside)) {
		r = -errno;
		unlink(aside);
		goto out;
	}
	/*
	 * Check which file was renamed, because somebody may have put another file at the path just
	 * before the rename.
	 */
	if (!stat(aside, &moved) && moved.st_dev == st->st_dev && moved.st_ino == st->st_ino)
		return 0;
	r = -ESTALE;
	if (aside_return(aside, path))
		return r;
out:
	*aside = 0;
	return r;
}

int aside_remove(const char *path, const struct stat *st)
{
	char aside[PATH_MAX];
	int r = aside_move(path, st, aside);

	if (r)
		return r;
	return unlink(aside) ? -errno : 0;
}
