// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl forget: ends the tracking of a volume. */
#include <stdio.h>
#include <unistd.h>

#include "common/client.h"
#include "eractl/volumes.h"

/* erad removes metadata that it put in its own directory itself. */
static bool print_forgotten(struct json_object *result)
{
	const char *volume = json_text(result, "volume");
	const char *metadata = json_text(result, "metadata");

	if (!volume)
		return false;
	printf("%s: forgotten", volume);
	if (metadata && !access(metadata, F_OK)) {
		printf("; its metadata is still in ");
		print_printable(stdout, metadata);
	}
	putchar('\n');
	return true;
}

static int run(const struct command *cmd, int argc, char **argv)
{
	struct volumes_job job = { .op = "forget", .print = print_forgotten };

	while (command_getopt(cmd, argc, argv) != -1)
		job.json = true;
	if (one_name(cmd, argc, argv))
		return EXIT_USAGE;
	return volume_run(&job, client_request(job.op, argv[optind]));
}

const struct command cmd_forget = {
	.name = "forget",
	.args = "NAME [--json]",
	.summary = "remove a closed volume from /etc/eratab",
	.text =
	"Removes a volume, which must be closed, from /etc/eratab, and the file\n"
	"/var/lib/erad/NAME.erad if that is its metadata and no other volume has it.\n"
	"Other metadata, and the data, stay where they are.",
	.options = "J",
	.run = run,
};
