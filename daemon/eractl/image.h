/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What eractl image and eractl backup share: the requests for images. */
#ifndef ERACTL_IMAGE_H
#define ERACTL_IMAGE_H

#include <json-c/json.h>

#include "eractl/eractl.h"

/*
 * Adds the argument of --cow to the request image_create: a size, or a path, which may be relative.
 * Returns 0, or prints an error and returns EXIT_USAGE.
 */
int image_add_store(const struct command *cmd, struct json_object *request, const char *store);

#endif /* ERACTL_IMAGE_H */
