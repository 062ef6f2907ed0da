/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON objects, one a line, over a connected stream socket. */
#ifndef ERAD_JSONL_H
#define ERAD_JSONL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct jsonl {
	int fd;			/* the socket, blocking or not; the caller closes it */
	/* Limit for one whole line to arrive, or for one write to make progress; -1: no limit. */
	int timeout_ms;
	size_t max;		/* longest line that is read, in bytes */
	char *buf;		/* buffer, which grows up to max + 1 bytes */
	size_t cap, have;	/* size of buf, and number of bytes in it that were received */
	size_t line;		/* length of the line in buf that jsonl_read() returned last */
};

/* Returns the time of CLOCK_MONOTONIC, which never jumps, in milliseconds. */
long long jsonl_now_ms(void);

/*
 * Initializes l.  Allocates no memory.  In the end, the caller calls jsonl_free(), which does not
 * close fd.
 */
void jsonl_init(struct jsonl *l, int fd, size_t max, int timeout_ms);
void jsonl_free(struct jsonl *l);

/*
 * Reads the next line, which must be one JSON object.  The caller drops the reference to it.
 *
 * ENODATA	the peer closed the connection between two lines
 * EPIPE		the peer closed the connection in the middle of a line
 * ETIMEDOUT	no complete line arrived within timeout_ms
 * EMSGSIZE	the line is longer than max
 * EBADMSG	the line is not a JSON object
 */
int jsonl_read(struct jsonl *l, struct json_object **out, struct err *err);

/*
 * Parses a line of len bytes, without its newline, as jsonl_read() does.  The bytes may be
 * anything.
 */
int jsonl_parse(const char *text, size_t len, struct json_object **out, struct err *err);

/*
 * Returns a JSON string of text.  Replaces each byte that is not part of valid UTF-8 by ?, because
 * the peer would refuse a line with this byte.  A path may contain such a byte, and a message may
 * be cut in the middle of a character.
 */
struct json_object *jsonl_text(const char *text);

/*
 * Writes o as one line.  The caller keeps its reference to o.  EPIPE or ECONNRESET: the peer has
 * closed the connection; the process gets no SIGPIPE.  ETIMEDOUT: the peer has not read for
 * timeout_ms.
 */
int jsonl_write(struct jsonl *l, struct json_object *o);

/*
 * Writes {"kind": o} as one line.  Drops the reference to o, also on failure.  ECANCELED: the line
 * was not written, for example because the peer has closed the connection.
 */
int jsonl_send(struct jsonl *l, const char *kind, struct json_object *o);
/*
 * Writes *part with the kind "part", as jsonl_send() does, and sets *part to NULL.  If *part is
 * NULL, writes nothing and returns 0.
 */
int jsonl_send_part(struct jsonl *l, struct json_object **part);

/* Returns whether the peer has closed the connection.  Does not wait. */
bool jsonl_peer_gone(struct jsonl *l);

#endif /* ERAD_JSONL_H */
