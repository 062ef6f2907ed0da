/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One error: a negative errno for the program and a sentence for the person. */
#ifndef ERAD_ERR_H
#define ERAD_ERR_H

#include <stdio.h>

struct err {
	char msg[512];
};

/*
 * Writes the sentence (what was got, what was expected, and of which volume
 * or file) and returns code, a negative errno, so that callers can
 * `return err_set(e, -EINVAL, …)`.  e may be NULL.  Allocates nothing.
 */
int err_set(struct err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "what: " in front of the sentence and returns code. */
int err_prefix(struct err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Turns control characters, which could steer a terminal, into '?'; returns text. */
char *printable(char *text);

/* Prints text with each byte of a control character as \xNN, so that a path with such characters can be recognized. */
void print_printable(FILE *f, const char *text);

#endif /* ERAD_ERR_H */
