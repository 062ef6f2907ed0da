/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One error: a negative errno for the program, and a sentence for the user. */
#ifndef ERAD_ERR_H
#define ERAD_ERR_H

#include <stdio.h>

/* Size of a sentence in bytes.  Has room for a sentence that contains the sentences of two other errors. */
#define ERR_MAX	2048

struct err {
	char msg[ERR_MAX];
};

/*
 * Writes the sentence, and returns code, a negative errno.  So callers can write `return err_set(e,
 * -EINVAL, …)`.  The sentence names the volume or file, what was got and what was expected.  e may
 * be NULL.  Allocates nothing.  A sentence that is too long ends with "...".
 */
int err_set(struct err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "what: " in front of the sentence and returns code. */
int err_prefix(struct err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds "; " and more to the end of the sentence. */
void err_suffix(struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Replaces control characters, to which a terminal could react, by '?', and returns text. */
char *printable(char *text);

/*
 * Makes one line of the output of a program: a blank stands for each sequence of blanks and
 * newlines, and none is at the beginning or the end.  Returns text.
 */
char *one_line(char *text);

/* Prints text, with each byte of a control character as \xNN, so that the user can recognize the path. */
void print_printable(FILE *f, const char *text);

#endif /* ERAD_ERR_H */
