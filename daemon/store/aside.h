/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moves aside or removes a metadata file, but no other file that somebody may have put at the path meanwhile. */
#ifndef ERAD_ASIDE_H
#define ERAD_ASIDE_H

#include <limits.h>
#include <sys/stat.h>

/*
 * Renames the file at path to a new name in the same directory.  aside gets the new name.  ESTALE:
 * the file, or the file to which a symbolic link at path leads, is not the one that st describes;
 * it gets its name back.  If it cannot get its name back, because there is a third file at path by
 * now, aside has its new name.  After any other error aside is "".
 */
int aside_move(const char *path, const struct stat *st, char aside[PATH_MAX]);

/* Gives the file aside the name path again.  EEXIST, and nothing changes: there is another file. */
int aside_return(const char *aside, const char *path);

/* Removes the file at path.  ESTALE, and the file stays: it is not the file that st describes. */
int aside_remove(const char *path, const struct stat *st);

#endif /* ERAD_ASIDE_H */
