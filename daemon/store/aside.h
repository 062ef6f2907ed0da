/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Renames or removes a metadata file.  If somebody has put another file at the same path, leaves
 * that file alone.
 */
#ifndef ERAD_ASIDE_H
#define ERAD_ASIDE_H

#include <limits.h>
#include <sys/stat.h>

/*
 * Renames the file at path to a new name in the same directory.  aside receives the new name.  st:
 * the stat of the file; if path is a symbolic link, the stat of the target of the link.
 *
 * ESTALE: the file at path is not the file that st describes.  aside_move() has then renamed the
 * wrong file, and renames it back to path; aside is "".  If somebody has put a third file at path
 * before the rename back, the wrong file keeps its new name, and aside has this name.  After any
 * other error, aside is "".
 */
int aside_move(const char *path, const struct stat *st, char aside[PATH_MAX]);

/* Renames the file from `aside` back to path.  EEXIST: another file is at path, and nothing changes. */
int aside_return(const char *aside, const char *path);

/* Removes the file at path.  ESTALE: another file than the one that st describes is at path, and it stays. */
int aside_remove(const char *path, const struct stat *st);

#endif /* ERAD_ASIDE_H */
