// SPDX-License-Identifier: GPL-2.0-or-later
/* Completes the requests for images: see image.h. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/jsonl.h"
#include "common/size.h"
#include "eractl/image.h"

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
