// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl forget: removes a closed volume from eratab. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/client.h"
#include "common/eratab.h"
#include "eractl/mentions.h"
#include "eractl/volumes.h"

/*
 * Prints where the metadata still is, unless erad has removed it.  erad removes metadata only from
 * its own directory.  Returns false if the answer names no volume.
 */
static bool print_forgotten(struct json_object *result)
{
	const char *volume = json_text(result, "volume");
	const char *metadata = json_text(result, "metadata");
	const char *same = json_text(result, "same_uuid");

	if (!volume)
		return false;
	printf("%s: forgotten", volume);
	if (metadata && !json_text(result, "not_removed") && !access(metadata, F_OK)) {
		printf("; its metadata is still in ");
		print_printable(stdout, metadata);
	}
	if (same)
		printf("; the note of its newest token stays for volume %s, whose metadata has the same UUID or cannot be read", same);
	putchar('\n');
	return true;
}

static int run_forget(const struct command *cmd, int argc, char **argv)
{
	struct volumes_job job = { .op = "forget", .print = print_forgotten, .forgets = true };
	char *origin;
	int code;

	while (command_getopt(cmd, argc, argv) != -1)
		job.json = true;
	if (one_name(cmd, argc, argv))
		return EXIT_USAGE;
	origin = eratab_origin(ERAD_TAB, argv[optind]);
	code = volume_run(&job, client_request(job.op, argv[optind]));
	fflush(stdout);
	if (!code && origin)
		mentions_warn_forgotten(argv[optind], origin);
	free(origin);
	return code;
}

const struct command cmd_forget = {
	.name = "forget",
	.args = "NAME [--json]",
	.summary = "remove a closed volume from /etc/eratab",
	.text =
	"Removes a closed volume from /etc/eratab. Also removes its metadata if the\n"
	"metadata is the file /var/lib/erad/NAME.erad, and no other volume uses this\n"
	"file. Other metadata and the data of the volume are not touched. For each\n"
	"line of /etc/fstab, /etc/crypttab or a unit that names the volume, prints the line\n"
	"that names the origin instead. 'eractl detach' is for a volume that was attached.",
	.options = "J",
	.run = run_forget,
};
