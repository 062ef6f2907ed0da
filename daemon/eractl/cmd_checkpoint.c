// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl checkpoint: begins a new era. */
#include <string.h>
#include <unistd.h>

#include "eractl/volumes.h"

static int run_together(const struct command *cmd, struct volumes_job *job, int argc, char **argv)
{
	char *const *names = argv + optind;

	if (argc - optind < 2)
		return usage_error(cmd, "--together: got %d volumes, expected two or more", argc - optind);
	if (check_names(cmd, names))
		return EXIT_USAGE;
	for (int i = 0; i < argc - optind; i++)
		for (int k = 0; k < i; k++)
			if (!strcmp(names[i], names[k]))
				return usage_error(cmd, "--together: got %s twice, expected each volume once", names[i]);
	job->op = "checkpoint_together";
	return volumes_run_together(job, names);
}

static int run_checkpoint(const struct command *cmd, int argc, char **argv)
{
	/* Stop at the first error, because line n of the output must belong to volume n. */
	struct volumes_job job = { .op = "checkpoint", .print = print_era, .stop = true, .witness = true };

	bool together = false;
	int c;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 'J')
			job.json = true;
		else if (c == 't')
			job.print = print_token;
		else if (c == 'j')
			together = true;
	}
	if (together)
		return run_together(cmd, &job, argc, argv);
	return volumes_run_operands(cmd, &job, argc, argv);
}

const struct command cmd_checkpoint = {
	.name = "checkpoint",
	.args = "NAME… [--together] [--token] [--json]",
	.summary = "begin a new era and print it",
	.text =
	"Begins a new era and prints its number, nothing else: one line for each\n"
	"volume, in the order given. Stops at the first volume that fails.\n"
	"\n"
	"Every write that completes after the end of this command is in the new era or\n"
	"in a later era; 'eractl diff NAME --since ERA' lists these writes.\n"
	"\n"
	"With --together, the new eras of all volumes begin at one moment. If a program\n"
	"writes to one volume, waits until this write has completed, and then writes to\n"
	"another volume, and the second write is older than the new era of its volume,\n"
	"then so is the first write. First writes to blocks of these volumes wait\n"
	"meanwhile, but at most 5 seconds. Prints nothing unless it worked for all\n"
	"volumes; if it fails, some volumes may have begun an era more.\n"
	"\n"
	"With --token, prints UUID:TIMELINE:ERA in place of the number. Keep the token\n"
	"with the backup: 'eractl diff NAME --since TOKEN' lists the same blocks, but\n"
	"exits with 3 if the metadata does not know the token: if it is the metadata of\n"
	"another volume, or was put back from an older copy and counts the same eras\n"
	"again.",
	.options = "jtJ",
	.run = run_checkpoint,
};
