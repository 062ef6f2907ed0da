// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl open: brings volumes up. */
#include <string.h>
#include <unistd.h>

#include "eractl/volumes.h"

static bool concerns(const char *state)
{
	return !strcmp(state, "closed") || !strcmp(state, "detached");
}

static int run(const struct command *cmd, int argc, char **argv)
{
	struct volumes_job job = { .op = "open", .print = print_opened, .concerns = concerns };
	bool all = false;
	int c;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 'a')
			all = true;
		else if (c == 'J')
			job.json = true;
	}
	return volumes_run(cmd, &job, all, argc, argv);
}

const struct command cmd_open = {
	.name = "open",
	.args = "NAME… | --all [--json]",
	.summary = "bring volumes up",
	.text =
	"Makes /dev/mapper/NAME of volumes that are in /etc/eratab, and begins a new\n"
	"era on each. Goes on with the next volume where one cannot be opened.",
	.options = "aJ",
	.run = run,
};
