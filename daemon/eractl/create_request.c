// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes the request of eractl create and attach: see create_request.h. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/client.h"
#include "common/identity.h"
#include "common/size.h"
#include "eractl/create_request.h"

#define BLOCK_UNIT	4096u
/* Largest block size in bytes.  The format stores the number of its sectors in 32 bits. */
#define BLOCK_MAX	((uint64_t)UINT32_MAX * 512)

void create_option(int c, struct create_options *o)
{
	switch (c) {
	case 'm':
		o->metadata = optarg;
		break;
	case 'b':
		o->block_size = optarg;
		break;
	case 'W':
		o->overwrite = true;
		break;
	}
}

static int parse_block_bytes(const struct command *cmd, const char *text, uint64_t *bytes)
{
	int r = size_parse(text, bytes);

	if (r == -EINVAL)
		return usage_error(cmd, "block size %s: expected a number, as in 65536, 64K, 1M",
				   text);
	if (r || *bytes > BLOCK_MAX)
		return usage_error(cmd, "block size %s: expected less than 2T", text);
	if (!*bytes || *bytes % BLOCK_UNIT)
		return usage_error(cmd, "block size %s: expected a multiple of 4K, not 0", text);
	return 0;
}

/*
 * Adds the path to the request as the member `key`.  Makes the path absolute, because erad runs in
 * another directory.  Keeps symbolic links, because the name of a link may stay valid longer than
 * its target.  Returns 0, or prints an error and returns EXIT_FAILURE.
 */
static int add_path(struct json_object *o, const char *key, const char *path)
{
	char dir[PATH_MAX], full[2 * PATH_MAX];

	if (*path != '/') {
		if (!getcwd(dir, sizeof(dir))) {
			complain("%s: cannot tell the current directory: %s", path,
				 strerror(errno));
			return EXIT_FAILURE;
		}
		snprintf(full, sizeof(full), "%s/%s", dir, path);
		path = full;
	}
	json_object_object_add(o, key, json_object_new_string(path));
	return 0;
}

int create_request(const struct command *cmd, const char *op, const struct create_options *o, struct json_object **out)
{
	struct json_object *request;
	uint64_t block_size = 0;

	if (o->block_size && parse_block_bytes(cmd, o->block_size, &block_size))
		return EXIT_USAGE;
	if (check_name(cmd, o->name))
		return EXIT_USAGE;
	if (!*o->origin || (o->metadata && !*o->metadata))
		return usage_error(cmd, "the path of a device cannot be empty");
	request = client_request(op, o->name);
	if (add_path(request, "origin", o->origin) ||
	    (o->metadata && add_path(request, "metadata", o->metadata))) {
		json_object_put(request);
		return EXIT_FAILURE;
	}
	if (block_size)
		json_object_object_add(request, "block_size", json_object_new_int64(block_size));
	if (o->overwrite)
		json_object_object_add(request, "overwrite_metadata", json_object_new_boolean(true));
	*out = request;
	return 0;
}

void create_warn_of_identity(const struct create_options *o)
{
	const dev_t dev = blockdev_at(o->origin);
	struct identity i;

	if (!dev)
		return;
	identity_of(dev, 0, &i);
	fflush(stdout);
	if (!identity_known(&i))
		complain("volume %s: the origin %s has no serial number, WWN or UUID, so if its path leads to another device later, an open can notice this only by the content of the device",
			 o->name, o->origin);
}
