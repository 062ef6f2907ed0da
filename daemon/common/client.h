/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests to erad and its answers. */
#ifndef ERAD_CLIENT_H
#define ERAD_CLIENT_H

#include <json-c/json.h>

#include "common/err.h"

/* Hears the value of each part; a negative errno, with err set, ends the call. */
typedef int (*client_part_fn)(void *ctx, struct json_object *part, struct err *err);

/*
 * Makes one request and waits for its last line, however long that takes.
 * Shows progress on stderr if that is a terminal.  Takes request over.
 * Returns 0 and the result, an object that the caller puts, or a negative errno:
 * ENOTCONN erad is not running, EACCES it is but the caller may not ask it,
 * ECONNRESET it went away before answering, EBADMSG the answer makes no
 * sense, EREMOTEIO it answered with an error.  part may be NULL if there are
 * none.
 */
int client_call(struct json_object *request, client_part_fn part, void *ctx,
		struct json_object **result, struct err *err);

/*
 * The same without progress, parts and patience: at the socket `path`, with all of the answer
 * after ms milliseconds or ETIMEDOUT, also where erad takes no connections.
 */
int client_ask(const char *path, struct json_object *request, unsigned int ms,
	       struct json_object **result, struct err *err);

/* A request object {"op": op, "volume": volume}; volume may be NULL. */
struct json_object *client_request(const char *op, const char *volume);

#endif /* ERAD_CLIENT_H */
