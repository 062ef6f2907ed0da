/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Standard input, output and error, which the caller of a program may have closed. */
#ifndef ERAD_STDFDS_H
#define ERAD_STDFDS_H

/*
 * Call this first in main().  Occupies each closed descriptor of 0 to 2.  Otherwise a socket or
 * file that is opened later would get the number, and would receive what the program prints.
 * Reading and writing an occupied descriptor fails with EBADF, so the program reports that
 * nobody could receive its output.
 */
void stdfds_open(void);

/*
 * Flushes stdout.  Returns EXIT_SUCCESS, or prints an error that begins with the program's name and
 * returns EXIT_FAILURE.
 */
int stdfds_end(const char *program);

#endif /* ERAD_STDFDS_H */
