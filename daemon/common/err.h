/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One error: a negative errno for the program, and a sentence for the user. */
#ifndef ERAD_ERR_H
#define ERAD_ERR_H

#include <stdio.h>

struct err {
	char msg[512];
};

/*
 * Writes the sentence, and returns code, a negative errno, so that callers can
 * `return err_set(e, -EINVAL, …)`.  The sentence names the volume or file, what was got and
 * what was expected.  e may be NULL.  Allocates nothing.
 */
int err_set(struct err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "what: " in front of the sentence and returns code. */
int err_prefix(struct err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Replaces control characters, to which a terminal could react, by '?', and returns text. */
char *printable(char *text);

/* Prints text.  Each byte of a control character is printed as \xNN, so that the user can recognize the path. */
void print_printable(FILE *f, const char *text);

#endif /* ERAD_ERR_H */
