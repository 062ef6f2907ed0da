/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests about the image of a volume, as common/protocol.h describes them. */
#ifndef ERAD_REQUEST_IMAGE_H
#define ERAD_REQUEST_IMAGE_H

#include <json-c/json.h>

#include "common/err.h"
#include "common/image.h"

/*
 * arg: the request.  These functions return 0 or a negative errno.  On success, the caller drops
 * the reference to *result.
 */
int request_image_create(struct json_object *arg, struct json_object **result, struct err *err);
int request_image_create_together(struct json_object *arg, struct json_object **result, struct err *err);
int request_image_drop(struct json_object *arg, struct json_object **result, struct err *err);

/* Returns the IMAGE of STATUS, or NULL if the volume has no image. */
struct json_object *image_json(const char *volume, const struct image *image);

#endif /* ERAD_REQUEST_IMAGE_H */
