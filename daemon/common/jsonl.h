/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON objects, one to a line, over a connected stream socket. */
#ifndef ERAD_JSONL_H
#define ERAD_JSONL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct jsonl {
	int fd;			/* the caller's; any blocking mode */
	int timeout_ms;		/* for one line to arrive, or for a write to get on; -1: none */
	size_t max;		/* bytes of a line that is read */
	char *buf;		/* grows up to max + 1 */
	size_t cap, have;	/* of buf */
	size_t line;		/* bytes of buf that the line handed out last takes */
};

/* Milliseconds of a clock that is never set. */
long long jsonl_now_ms(void);

/* Allocates nothing.  Ends with jsonl_free(), which leaves fd open. */
void jsonl_init(struct jsonl *l, int fd, size_t max, int timeout_ms);
void jsonl_free(struct jsonl *l);

/*
 * Reads the next line, which must be one JSON object; the caller puts it.
 * ENODATA: the peer has closed, between two lines.  EPIPE: in the middle of
 * one.  ETIMEDOUT.  EMSGSIZE: longer than max.  EBADMSG: not a JSON object.
 */
int jsonl_read(struct jsonl *l, struct json_object **out, struct err *err);

/*
 * Parses len bytes that hold no newline as jsonl_read() does.  Any bytes are
 * safe input.
 */
int jsonl_parse(const char *text, size_t len, struct json_object **out, struct err *err);

/*
 * A JSON string of text, with ? for each byte that is not part of UTF-8: paths
 * may hold any, sentences may be cut off in a character, and the peer takes
 * no line that holds such.
 */
struct json_object *jsonl_text(const char *text);

/*
 * Writes o as one line; o stays the caller's.  EPIPE or ECONNRESET: the peer
 * has gone; no signal is raised.  ETIMEDOUT: it has not read for timeout_ms.
 */
int jsonl_write(struct jsonl *l, struct json_object *o);

/* Writes {"kind": o} as one line; o is given away.  ECANCELED: the peer does not read any more. */
int jsonl_send(struct jsonl *l, const char *kind, struct json_object *o);

/* Whether the peer has gone for good; does not wait. */
bool jsonl_peer_gone(struct jsonl *l);

#endif /* ERAD_JSONL_H */
