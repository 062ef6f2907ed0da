/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stream that collects text in memory, and reports if memory was short.  open_memstream() of the
 * C library does not report this: if its buffer cannot grow, the text is cut, and ferror() and
 * fclose() return 0.
 */
#ifndef ERAD_TEXT_STREAM_H
#define ERAD_TEXT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* All members belong to text_stream.c until text_stream_close() has returned. */
struct text_stream {
	char *text;		/* NULL, or a text with a 0 byte after its end */
	size_t len;		/* bytes of the text, without the 0 byte at its end */
	size_t size;		/* bytes of the buffer */
	bool failed;
};

/*
 * Returns a stream for writing, or NULL if there is no memory.  *t must stay at its address until
 * text_stream_close().
 */
FILE *text_stream_open(struct text_stream *t);

/*
 * Closes the stream.  Returns 0 if t->text contains all that was written; the caller frees t->text.
 * Returns ENOMEM if memory was short at any time; t->text then is NULL, and t->len is 0.
 */
int text_stream_close(FILE *f, struct text_stream *t);

#endif /* ERAD_TEXT_STREAM_H */
