// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl create: creates a volume: formats its metadata, adds its line to eratab, and opens it. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/client.h"
#include "common/eratab.h"
#include "common/size.h"
#include "eractl/mentions.h"
#include "eractl/volumes.h"

#define BLOCK_UNIT	4096u
#define BLOCK_MAX	((uint64_t)UINT32_MAX * 512)	/* block size in bytes, because sectors are counted in 32 bits */

static int parse_block_size(const struct command *cmd, const char *text, uint64_t *bytes)
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
 * erad runs in another directory, so make the path absolute.  Symbolic links stay, because a link's
 * name may last longer than its target.
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

/* Warns of files that still name the origin.  given: the origin's path as the user has given it. */
static void look_for_mentions(const char *name, const char *given)
{
	const struct eratab_entry *e;
	struct eratab tab;
	struct err err;

	if (eratab_read(ERAD_TAB, &tab, &err))
		return;
	fflush(stdout);
	if (!eratab_find(&tab, name, &e, &err))
		mentions_warn(name, e->origin, given);
	eratab_free(&tab);
}

static int run(const struct command *cmd, int argc, char **argv)
{
	struct volumes_job job = { .op = "create", .print = print_opened };
	const char *metadata = NULL;
	struct json_object *request;
	uint64_t block_size = 0;
	bool overwrite = false;
	int c, r;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		switch (c) {
		case 'm':
			metadata = optarg;
			break;
		case 'b':
			if (parse_block_size(cmd, optarg, &block_size))
				return EXIT_USAGE;
			break;
		case 'W':
			overwrite = true;
			break;
		case 'J':
			job.json = true;
			break;
		}
	}
	if (argc - optind != 2)
		return usage_error(cmd, "got %d operands, expected NAME and ORIGIN", argc - optind);
	if (check_name(cmd, argv[optind]))
		return EXIT_USAGE;
	if (!*argv[optind + 1] || (metadata && !*metadata))
		return usage_error(cmd, "the path of a device cannot be empty");

	request = client_request(job.op, argv[optind]);
	if (add_path(request, "origin", argv[optind + 1]) ||
	    (metadata && add_path(request, "metadata", metadata))) {
		json_object_put(request);
		return EXIT_FAILURE;
	}
	if (block_size)
		json_object_object_add(request, "block_size", json_object_new_int64(block_size));
	if (overwrite)
		json_object_object_add(request, "overwrite_metadata",
				       json_object_new_boolean(true));
	r = volume_run(&job, request);
	if (!r)
		look_for_mentions(argv[optind], argv[optind + 1]);
	return r;
}

const struct command cmd_create = {
	.name = "create",
	.args = "NAME ORIGIN [--metadata DEV|FILE] [--block-size SIZE] [--overwrite-metadata] [--json]",
	.summary = "track a block device as a new volume",
	.text =
	"Writes new metadata for the block device ORIGIN, remembers the volume in\n"
	"/etc/eratab and opens it: use /dev/mapper/NAME in place of ORIGIN from then\n"
	"on, because writes that do not go through it are not seen. The data on\n"
	"ORIGIN stays as it is. If a line of fstab, crypttab, lvm.conf or a mount unit\n"
	"names ORIGIN, the command prints the line that names the volume instead.\n"
	"\n"
	"The metadata is a file, /var/lib/erad/NAME.erad, unless --metadata names\n"
	"another file or a block device, which must not lie on ORIGIN. What is there is\n"
	"overwritten only with --overwrite-metadata, and a file that is not erad\n"
	"metadata never.",
	.options = "mbWFJ",
	.run = run,
};
