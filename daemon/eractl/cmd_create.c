// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl create: creates a volume: formats its metadata, adds its line to eratab, and opens it. */
#include <stdio.h>
#include <unistd.h>

#include "common/eratab.h"
#include "eractl/create_request.h"
#include "eractl/mentions.h"
#include "eractl/volumes.h"

/*
 * Warns of configuration files that still name the origin.  given: the origin's path as the user
 * has given it.
 */
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

static int run_create(const struct command *cmd, int argc, char **argv)
{
	struct volumes_job job = { .op = "create", .print = print_opened };
	struct create_options o = { 0 };
	struct json_object *request;
	int c;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 'J')
			job.json = true;
		else
			create_option(c, &o);
	}
	if (argc - optind != 2)
		return usage_error(cmd, "got %d operands, expected NAME and ORIGIN", argc - optind);
	o.name = argv[optind];
	o.origin = argv[optind + 1];
	c = create_request(cmd, job.op, &o, &request);
	if (!c)
		c = volume_run(&job, request);
	if (!c) {
		create_warn_of_identity(&o);
		look_for_mentions(o.name, o.origin);
	}
	return c;
}

const struct command cmd_create = {
	.name = "create",
	.args = "NAME ORIGIN [--metadata DEV|FILE] [--block-size SIZE] [--overwrite-metadata] [--json]",
	.summary = "track a block device as a new volume",
	.text =
	"Writes new metadata for the block device ORIGIN, remembers the volume in\n"
	"/etc/eratab and opens it. From then on, use /dev/mapper/NAME in place of ORIGIN:\n"
	"other writes to ORIGIN are not recorded. The data on ORIGIN stay as they are. If\n"
	"a line of fstab, crypttab, lvm.conf or a mount unit names ORIGIN, the command\n"
	"prints the line that names the volume instead.\n"
	"\n"
	"The metadata is a file, /var/lib/erad/NAME.erad, unless --metadata names\n"
	"another file or a block device, which must not lie on ORIGIN. Other content there\n"
	"is overwritten only with --overwrite-metadata. A file that is not erad metadata\n"
	"is never overwritten.",
	.options = "mbWFJ",
	.run = run_create,
};
