/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors.  A function that fails returns a negative errno for the program, and leaves a message for
 * the user, one sentence, in a struct err.  If the comment of an int function does not say what is
 * returned, the function returns 0 after a success.  In comments, EBUSY stands for the result
 * -EBUSY, and so on.
 */
#ifndef ERAD_ERR_H
#define ERAD_ERR_H

#include <stdio.h>

/* Limit of a message in bytes, with its final 0.  Longer messages are cut: see err_set(). */
#define ERR_MAX	2048

struct err {
	char msg[ERR_MAX];
};

/*
 * Sets the message, and returns code, a negative errno.  So callers can write `return err_set(e,
 * -EINVAL, …)`.  The message names the volume or file, what was got and what was expected.  e may
 * be NULL.  Allocates no memory.  A message that is too long is cut, and ends with "...".
 */
int err_set(struct err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts the formatted text and ": " in front of the message, and returns code. */
int err_prefix(struct err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds "; " and the formatted text to the end of the message. */
void err_suffix(struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Replaces control characters by '?', because a terminal might interpret them.  Returns text. */
char *printable(char *text);

/*
 * Makes one line of the output of a program: replaces each sequence of blanks and newlines by one
 * blank, and removes blanks at the beginning and the end.  Returns text.
 */
char *one_line(char *text);

/*
 * Prints text, with each byte of a control character as \xNN, so that the user can recognize a path
 * that contains control characters.
 */
void print_printable(FILE *f, const char *text);

#endif /* ERAD_ERR_H */
