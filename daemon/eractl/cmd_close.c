// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl close: takes volumes down. */
#include <string.h>
#include <unistd.h>

#include "eractl/volumes.h"

static bool concerns(const char *state)
{
	return strcmp(state, "closed");
}

static int run(const struct command *cmd, int argc, char **argv)
{
	struct volumes_job job = { .op = "close", .concerns = concerns };
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

const struct command cmd_close = {
	.name = "close",
	.args = "NAME… | --all [--json]",
	.summary = "take volumes down",
	.text =
	"Removes /dev/mapper/NAME and marks the metadata clean. Fails for a volume\n"
	"that is in use and goes on with the next. What is written to the origin\n"
	"while its volume is closed is not seen.",
	.options = "aJ",
	.run = run,
};
