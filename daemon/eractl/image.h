/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands image, backup and close share about images. */
#ifndef ERACTL_IMAGE_H
#define ERACTL_IMAGE_H

#include <json-c/json.h>

#include "eractl/eractl.h"

/*
 * Adds the argument of --cow to the request image_create: a size, or a path, which may be relative.
 * Returns 0, or prints an error and returns EXIT_USAGE.
 */
int image_add_store(const struct command *cmd, struct json_object *request, const char *store);

/*
 * Drops the image of a volume that is to be closed, if the volume has one.  Tries again for up to
 * 20 seconds while a program has the image open: a backup that is being stopped drops its image
 * itself.  Prints nothing, because erad refuses the close and says why if the image is still there.
 */
void image_drop_before_close(const char *volume);

#endif /* ERACTL_IMAGE_H */
