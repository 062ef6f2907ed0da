/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ensures that standard input, output and error are open, because the caller of a program may have
 * closed some of them.
 */
#ifndef ERAD_STDFDS_H
#define ERAD_STDFDS_H

/*
 * Opens a placeholder for each closed descriptor from 0 to 2.  Call this first in main().
 * Otherwise a socket or file that is opened later would get the number 0, 1 or 2, and the output of
 * the program would go to it.  Reading and writing a placeholder fails with EBADF, so the program
 * reports that its output was lost.
 */
void stdfds_open(void);

/*
 * Flushes stdout.  Returns EXIT_SUCCESS, or prints an error that begins with the program's name and
 * returns EXIT_FAILURE.
 */
int stdfds_end(const char *program);

#endif /* ERAD_STDFDS_H */
