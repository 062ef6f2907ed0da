/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON objects, one to a line, over a connected stream socket. */
#ifndef ERAD_JSONL_H
#define ERAD_JSONL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct jsonl {
	int fd;			/* belongs to the caller; blocking or not */
	int timeout_ms;		/* limit for one line to arrive, or for one write to make progress; -1: none */
	size_t max;		/* longest line that is read, bytes */
	char *buf;		/* grows up to max + 1 bytes */
	size_t cap, have;	/* bytes allocated, and bytes used, of buf */
	size_t line;		/* length in buf of the line that jsonl_read() returned last */
};

/* Milliseconds of CLOCK_MONOTONIC, which nobody sets. */
long long jsonl_now_ms(void);

/* Initializes l.  Allocates nothing.  Call jsonl_free() in the end, which leaves fd open. */
void jsonl_init(struct jsonl *l, int fd, size_t max, int timeout_ms);
void jsonl_free(struct jsonl *l);

/*
 * Reads the next line, which must be one JSON object.  The caller puts the object.
 * ENODATA	the peer closed the connection between two lines
 * EPIPE	the peer closed the connection in the middle of a line
 * ETIMEDOUT	no complete line arrived within timeout_ms
 * EMSGSIZE	the line is longer than max
 * EBADMSG	the line is not a JSON object
 */
int jsonl_read(struct jsonl *l, struct json_object **out, struct err *err);

/*
 * Parses a line of len bytes, without its newline, as jsonl_read() does.  Any bytes are
 * safe input.
 */
int jsonl_parse(const char *text, size_t len, struct json_object **out, struct err *err);

/*
 * Returns a JSON string of text, with ? for each byte that is not part of valid UTF-8.  Paths
 * may hold such bytes, and a sentence may be cut in the middle of a character.  The peer would
 * refuse a line with such bytes.
 */
struct json_object *jsonl_text(const char *text);

/*
 * Writes o as one line; o stays the caller's.  EPIPE or ECONNRESET: the peer has closed the
 * connection; no signal is raised.  ETIMEDOUT: the peer has not read for timeout_ms.
 */
int jsonl_write(struct jsonl *l, struct json_object *o);

/* Writes {"kind": o} as one line, and puts o, also on failure.  ECANCELED: the peer does not read any more. */
int jsonl_send(struct jsonl *l, const char *kind, struct json_object *o);
/* As jsonl_send(), with the kind "part", and sets *part to NULL.  *part NULL: returns 0. */
int jsonl_send_part(struct jsonl *l, struct json_object **part);

/* Returns whether the peer has closed the connection.  Does not wait. */
bool jsonl_peer_gone(struct jsonl *l);

#endif /* ERAD_JSONL_H */
