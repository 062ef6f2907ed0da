/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends requests to erad and reads the answers. */
#ifndef ERAD_CLIENT_H
#define ERAD_CLIENT_H

#include <json-c/json.h>

#include "common/err.h"

/*
 * Called with the value of each part of the answer.  A negative errno, with err set, ends the call.
 */
typedef int (*client_part_fn)(void *ctx, struct json_object *part, struct err *err);

/*
 * Sends one request, and waits without limit for the last line of its answer.  If stderr is a
 * terminal, shows the progress on it.  Frees the request.  part may be NULL for operations whose
 * answers have no parts.  Returns 0 and the result, an object to which the caller drops the
 * reference, or a negative errno:
 *
 * ENOTCONN	erad is not running
 * EACCES		erad is running, but the caller may not connect
 * ECONNRESET	erad stopped before it answered
 * EBADMSG	the answer has another form than expected
 * EREMOTEIO	erad answered with an error
 */
int client_call(struct json_object *request, client_part_fn part, void *ctx,
		struct json_object **result, struct err *err);

/*
 * Sends a request to the socket `path`, as client_call() does, but without progress and parts, and
 * with a time limit.  ETIMEDOUT: the answer is not complete after ms milliseconds, or erad accepts
 * no connections.
 */
int client_ask(const char *path, struct json_object *request, unsigned int ms,
	       struct json_object **result, struct err *err);

/* Returns a new request {"op": op, "volume": volume}; volume may be NULL. */
struct json_object *client_request(const char *op, const char *volume);

/*
 * Returns a new request {"op": op, "volumes": names}.  names ends with a NULL; no names mean all
 * volumes.
 */
struct json_object *client_request_volumes(const char *op, char *const *names);

#endif /* ERAD_CLIENT_H */
