// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl checkpoint: begins a new era. */
#include <unistd.h>

#include "eractl/volumes.h"

static int run_checkpoint(const struct command *cmd, int argc, char **argv)
{
	/* Stop at the first error, because line n of the output must belong to volume n. */
	struct volumes_job job = { .op = "checkpoint", .print = print_era, .stop = true, .witness = true };

	int c;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 'J')
			job.json = true;
		else if (c == 't')
			job.print = print_token;
	}
	return volumes_run_operands(cmd, &job, argc, argv);
}

const struct command cmd_checkpoint = {
	.name = "checkpoint",
	.args = "NAME… [--token] [--json]",
	.summary = "begin a new era and print it",
	.text =
	"Begins a new era and prints its number, nothing else: one line for each\n"
	"volume, in the order given. Stops at the first volume that fails.\n"
	"\n"
	"Every write that completes after the end of this command is in the new era or\n"
	"in a later era; 'eractl diff NAME --since ERA' lists these writes.\n"
	"\n"
	"With --token, prints UUID:TIMELINE:ERA in place of the number. Keep the token\n"
	"with the backup: 'eractl diff NAME --since TOKEN' lists the same blocks, but\n"
	"exits with 3 if the metadata does not know the token: if it is the metadata of\n"
	"another volume, or was put back from an older copy and counts the same eras\n"
	"again.",
	.options = "tJ",
	.run = run_checkpoint,
};
