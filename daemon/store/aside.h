/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moves a metadata file aside, and removes it, only if it is the file that is meant: somebody may have put
 * another file in its place meanwhile.
 */
#ifndef ERAD_ASIDE_H
#define ERAD_ASIDE_H

#include <limits.h>
#include <sys/stat.h>

/*
 * Renames the file at path to a new name in the same directory, which aside gets.  ESTALE if it is not the file
 * that st describes, or that a symbolic link at path leads to; that file is at path again.  If this is not
 * possible, because there is a third file at path by now, aside has its name; after any other error aside is "".
 */
int aside_move(const char *path, const struct stat *st, char aside[PATH_MAX]);

/* Gives the file aside the name path again.  EEXIST if there is another file; nothing changes then. */
int aside_return(const char *aside, const char *path);

/* Removes the file at path.  ESTALE, and the file stays, if it is not the one that st describes. */
int aside_remove(const char *path, const struct stat *st);

#endif /* ERAD_ASIDE_H */
