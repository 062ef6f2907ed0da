// SPDX-License-Identifier: GPL-2.0-or-later
/* Completes the requests for images, and drops images: see image.h. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/client.h"
#include "common/jsonl.h"
#include "common/size.h"
#include "eractl/image.h"

#define DROP_MS		20000u
#define DROP_PAUSE_US	500000

int image_add_store(const struct command *cmd, struct json_object *request, const char *store)
{
	uint64_t bytes;
	char *path;

	/* A path whose name begins with a digit needs a slash, as in ./1G. */
	if (isdigit((unsigned char)*store) && !strchr(store, '/')) {
		if (size_parse(store, &bytes) || !bytes || bytes > INT64_MAX)
			return usage_error(cmd, "--cow %s: expected a block device, a file or a size, as in 4G", store);
		json_object_object_add(request, "store_size", json_object_new_uint64(bytes));
		return 0;
	}
	path = realpath(store, NULL);
	if (!path)
		return usage_error(cmd, "--cow %s: %s; expected a block device, a file that exists, or a size, as in 4G", store,
				   strerror(errno));
	json_object_object_add(request, "store", jsonl_text(path));
	free(path);
	return 0;
}

/* Returns whether erad says that the volume has an image, complete or interrupted. */
static bool is_there(const char *volume)
{
	char *const names[] = { (char *)volume, NULL };
	struct json_object *result, *volumes, *image = NULL;
	struct err err;
	bool there;

	if (client_call(client_request_volumes("status", names), NULL, NULL, &result, &err))
		return false;
	volumes = json_object_object_get(result, "volumes");
	if (json_object_is_type(volumes, json_type_array) && json_object_array_length(volumes))
		image = json_object_object_get(json_object_array_get_idx(volumes, 0), "image");
	there = image;
	json_object_put(result);
	return there;
}

void image_drop_before_close(const char *volume)
{
	const long long until = jsonl_now_ms() + DROP_MS;
	struct json_object *result;
	struct err err;

	for (bool again = false; jsonl_now_ms() < until && is_there(volume); again = true) {
		if (again)
			usleep(DROP_PAUSE_US);
		if (!client_call(client_request("image_drop", volume), NULL, NULL, &result, &err))
			json_object_put(result);
	}
}
