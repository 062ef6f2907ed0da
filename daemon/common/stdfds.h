/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Standard input, output and error, which the caller of a program may have closed. */
#ifndef ERAD_STDFDS_H
#define ERAD_STDFDS_H

/*
 * Call it first in main(). Occupies each of the descriptors 0 to 2 that is
 * closed, so that no socket or file that is opened later gets its number and
 * receives what is printed. Reading and writing such a descriptor fails with
 * EBADF: an answer that nobody can get is an error, as it is on a full device.
 */
void stdfds_open(void);

/* Flushes stdout. EXIT_SUCCESS, or EXIT_FAILURE with a complaint that begins with the program's name. */
int stdfds_end(const char *program);

#endif /* ERAD_STDFDS_H */
