/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends requests to erad and reads the answers. */
#ifndef ERAD_CLIENT_H
#define ERAD_CLIENT_H

#include <json-c/json.h>

#include "common/err.h"

/* Is called with the value of each part.  If it returns a negative errno, with err set, the call ends. */
typedef int (*client_part_fn)(void *ctx, struct json_object *part, struct err *err);

/*
 * Makes one request and waits for the last line of its answer, without limit.  Shows progress
 * on stderr if stderr is a terminal.  Frees the request.  Returns 0 and the result, an object
 * that the caller puts, or a negative errno:
 * ENOTCONN	erad is not running
 * EACCES	erad is running, but the caller may not connect
 * ECONNRESET	erad stopped before it answered
 * EBADMSG	the answer cannot be understood
 * EREMOTEIO	erad answered with an error
 * part may be NULL for operations whose answers have no parts.
 */
int client_call(struct json_object *request, client_part_fn part, void *ctx,
		struct json_object **result, struct err *err);

/*
 * As client_call(), at the socket `path`, but without progress and parts, and with a limit:
 * ETIMEDOUT if the whole answer is not there after ms milliseconds, or if erad accepts no
 * connections.
 */
int client_ask(const char *path, struct json_object *request, unsigned int ms,
	       struct json_object **result, struct err *err);

/* Returns a new request {"op": op, "volume": volume}; volume may be NULL. */
struct json_object *client_request(const char *op, const char *volume);

#endif /* ERAD_CLIENT_H */
