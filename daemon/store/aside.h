/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Renames or removes a metadata file.  If the path leads to another file than the caller has
 * examined, this other file is neither removed nor replaced.
 */
#ifndef ERAD_ASIDE_H
#define ERAD_ASIDE_H

#include <limits.h>
#include <sys/stat.h>

/*
 * Renames the file at path to a new name in the same directory.  aside receives the new name.  st:
 * the stat of the file; if path is a symbolic link, the stat of the link's target.
 *
 * ESTALE: the file at path was another file than st describes.  aside_move() has renamed this other
 * file, has noticed this, and has put the file back at path; aside is "".  If path was taken again
 * before the file was put back, the file keeps its new name, and aside is this name.  After any
 * other error, aside is "".
 */
int aside_move(const char *path, const struct stat *st, char aside[PATH_MAX]);

/*
 * Renames the file from `aside` back to path.  EEXIST: another file is at path; nothing is changed.
 */
int aside_return(const char *aside, const char *path);

/*
 * Removes the file at path.  ESTALE: the file at path is not the file that st describes, and is not
 * removed.
 */
int aside_remove(const char *path, const struct stat *st);

#endif /* ERAD_ASIDE_H */
