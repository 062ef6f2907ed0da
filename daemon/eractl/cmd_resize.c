// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl resize: changes the size of a volume. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "common/size.h"
#include "common/client.h"
#include "eractl/volumes.h"

static bool print_resized(struct json_object *result)
{
	const char *volume = json_text(result, "volume");
	uint64_t old_size, size, era;
	char is[SIZE_EXACT], was[SIZE_EXACT];

	if (!volume || !json_number(result, "old_size", &old_size) ||
	    !json_number(result, "size", &size) || !json_number(result, "era", &era))
		return false;
	printf("%s: %s, was %s; in era %" PRIu64 "\n", volume, size_exact(is, size),
	       size_exact(was, old_size), era);
	return true;
}

static int parse_size(const struct command *cmd, const char *text, uint64_t *bytes)
{
	int r = size_parse(text, bytes);

	if (r || *bytes > INT64_MAX)
		return usage_error(cmd, "size %s: expected %s", text, r == -EINVAL ?
				   "a number, as in 1073741824, 1G" : "less than 8388608T");
	if (!*bytes || *bytes % 512)
		return usage_error(cmd, "size %s: expected a multiple of 512, not 0", text);
	return 0;
}

static int run_resize(const struct command *cmd, int argc, char **argv)
{
	struct volumes_job job = { .op = "resize", .print = print_resized };
	struct json_object *request;
	uint64_t size = 0;
	int c;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 'Z' && parse_size(cmd, optarg, &size))
			return EXIT_USAGE;
		else if (c == 'J')
			job.json = true;
	}
	if (one_name(cmd, argc, argv))
		return EXIT_USAGE;
	request = client_request(job.op, argv[optind]);
	if (size)
		json_object_object_add(request, "size", json_object_new_uint64(size));
	return volume_run(&job, request);
}

const struct command cmd_resize = {
	.name = "resize",
	.args = "NAME [--size SIZE] [--json]",
	.summary = "change the size of a volume to that of its origin, or to SIZE",
	.text =
	"Changes the size of the device and of the metadata, and begins a new era. The\n"
	"volume may be in use. New blocks count as written; the eras of removed blocks\n"
	"are lost.\n"
	"\n"
	"To grow, resize the origin first, then the volume, then the file system on\n"
	"it. To shrink, resize them in the opposite order, the volume with --size.",
	.options = "ZJ",
	.run = run_resize,
};
