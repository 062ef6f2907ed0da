// SPDX-License-Identifier: GPL-2.0-or-later
/* A stream that collects text in memory: see text_stream.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "common/text_stream.h"

#define FIRST_SIZE	256	/* bytes of the first buffer */

static ssize_t append(void *cookie, const char *data, size_t n)
{
	struct text_stream *t = cookie;
	size_t size = t->size ? t->size : FIRST_SIZE;
	char *more;

	if (t->failed)
		return 0;
	while (size - t->len <= n)
		size *= 2;
	more = size == t->size ? t->text : realloc(t->text, size);
	if (!more) {
		t->failed = true;
		return 0;
	}
	t->text = more;
	t->size = size;
	memcpy(t->text + t->len, data, n);
	t->len += n;
	t->text[t->len] = 0;
	return n;
}

FILE *text_stream_open(struct text_stream *t)
{
	*t = (struct text_stream){ 0 };
	return fopencookie(t, "w", (cookie_io_functions_t){ .write = append });
}

int text_stream_close(FILE *f, struct text_stream *t)
{
	if (fclose(f))
		t->failed = true;
	/*
	 * Allocate the buffer of an empty text, too, because t->text must be a text after a
	 * success.
	 */
	if (!t->text)
		append(t, "", 0);
	if (!t->failed)
		return 0;
	free(t->text);
	t->text = NULL;
	t->len = 0;
	return -ENOMEM;
}
