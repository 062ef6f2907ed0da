/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Temporary files without a name, for lists and input that may be too large for memory. */
#ifndef ERACTL_TEMPORARY_H
#define ERACTL_TEMPORARY_H

#include <stdio.h>

/* The end of a message about a temporary file that is not in a directory of the caller. */
#define TMPDIR_HINT	"; set TMPDIR to a directory with more room"

/* Returns the directory; or if it is NULL, the one that the variable TMPDIR names, or /tmp. */
const char *temporary_directory(const char *directory);

/*
 * Makes a file without a name in temporary_directory().  The caller closes the file, which removes
 * it.  Returns NULL and sets errno on failure.
 */
FILE *temporary_file(const char *directory);

#endif /* ERACTL_TEMPORARY_H */
