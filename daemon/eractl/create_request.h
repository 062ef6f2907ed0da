/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes the request of eractl create and attach for a new volume. */
#ifndef ERACTL_CREATE_REQUEST_H
#define ERACTL_CREATE_REQUEST_H

#include <json-c/json.h>
#include <stdbool.h>

#include "eractl/eractl.h"

struct create_options {
	const char *name, *origin;	/* name of the volume, path of its origin */
	/* Values of the options.  NULL: the user has not given the option. */
	const char *metadata, *block_size;
	bool overwrite;
};

/*
 * Stores the value of an option that create and attach share; ignores other options.  c: letter of
 * the option.
 */
void create_option(int c, struct create_options *o);

/*
 * Makes the request, which the caller frees.  Returns 0, or prints an error and returns the exit
 * code.
 */
int create_request(const struct command *cmd, const char *op, const struct create_options *o, struct json_object **out);

/*
 * Prints a warning to stderr if the origin has no identity, so that an open cannot notice that the
 * path leads to another device.
 */
void create_warn_of_identity(const struct create_options *o);

#endif /* ERACTL_CREATE_REQUEST_H */
