// SPDX-License-Identifier: GPL-2.0-or-later
/* Prints messages to stderr and JSON to stdout, and reports output that could not be written. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/jsonl.h"
#include "eractl/eractl.h"

#define JSON_FLAGS	(JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

void complain(const char *fmt, ...)
{
	char what[ERR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	fprintf(stderr, "eractl: %s\n", printable(what));
}

int fail(const struct err *err)
{
	complain("%s", err->msg);
	return EXIT_FAILURE;
}

void print_json(struct json_object *what)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "version", json_object_new_int(JSON_VERSION));
	json_object_object_foreach(what, key, value)
		json_object_object_add(o, key, json_object_get(value));
	puts(json_object_to_json_string_ext(o, JSON_FLAGS));
	json_object_put(o);
}

void print_json_string(const char *text)
{
	struct json_object *o = jsonl_text(text);

	fputs(json_object_to_json_string_ext(o, JSON_FLAGS), stdout);
	json_object_put(o);
}

struct winsize terminal_size(void)
{
	struct winsize w;

	if (isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_col && w.ws_row)
		return w;
	return (struct winsize){ .ws_col = 80, .ws_row = 24 };
}

/* errno of the first write to stdout that failed; 0: no write has failed. */
static int output_errno;

/*
 * Writes to stdout for the stream, and keeps the errno, because the stream itself keeps only the
 * fact that a write has failed.
 */
static ssize_t write_output(void *cookie, const char *text, size_t size)
{
	size_t done = 0;

	(void)cookie;
	while (done < size && !output_errno) {
		ssize_t n = write(STDOUT_FILENO, text + done, size - done);

		if (n >= 0)
			done += n;
		else if (errno != EINTR)
			output_errno = errno;
	}
	return output_errno ? 0 : (ssize_t)done;
}

int begin_output(void)
{
	FILE *f = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = write_output });

	if (!f || setvbuf(f, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFSIZ)) {
		complain("out of memory");
		return EXIT_FAILURE;
	}
	stdout = f;
	return 0;
}

bool output_failed(void)
{
	return output_errno;
}

int end_output(int code)
{
	if (fflush(stdout) && !output_errno)
		output_errno = errno;
	if (output_failed()) {
		complain("cannot write the output: %s", strerror(output_errno));
		return EXIT_FAILURE;
	}
	return code;
}
