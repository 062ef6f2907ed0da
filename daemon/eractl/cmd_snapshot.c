// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl snapshot: takes or drops the snapshot of a volume's metadata. */
#include <string.h>
#include <unistd.h>

#include "eractl/volumes.h"

static bool print_nothing(struct json_object *result)
{
	return json_text(result, "volume");
}

static int run_snapshot(const struct command *cmd, int argc, char **argv)
{
	struct volumes_job job = { .stop = true };

	while (command_getopt(cmd, argc, argv) != -1)
		job.json = true;
	if (optind < argc && !strcmp(argv[optind], "take")) {
		job.op = "snapshot_take";
		job.print = print_era;
	} else if (optind < argc && !strcmp(argv[optind], "drop")) {
		job.op = "snapshot_drop";
		job.print = print_nothing;
	} else {
		return usage_error(cmd, "got %s, expected take or drop",
				   optind < argc ? argv[optind] : "no operand");
	}
	optind++;
	return volumes_run_operands(cmd, &job, argc, argv);
}

const struct command cmd_snapshot = {
	.name = "snapshot",
	.args = "take|drop NAME… [--json]",
	.summary = "take or drop a snapshot of the metadata",
	.text =
	"Take begins a new era and prints its number, as checkpoint does. It also\n"
	"keeps a snapshot of all eras before: 'eractl diff --snapshot' reads the\n"
	"snapshot while writes to the volume go on. The snapshot remains until it is\n"
	"dropped, also when the volume is closed and opened. A volume has at most one\n"
	"snapshot. Stops at the first volume that fails.\n"
	"\n"
	"The messages take_metadata_snap and drop_metadata_snap of dmsetup do the same.",
	.options = "J",
	.run = run_snapshot,
};
