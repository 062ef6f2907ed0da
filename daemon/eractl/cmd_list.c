// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl list: lists the volumes. */
#include <stdlib.h>
#include <unistd.h>

#include "common/client.h"
#include "eractl/table.h"
#include "eractl/volumes.h"

static const struct column list_columns[] = {
	{ "VOLUME", cell_text, "volume", NULL, 0 },
	{ "STATE", cell_text, "state", NULL, 0 },
	{ "DEVICE", cell_text, "device", NULL, 0 },
	{ "ORIGIN", cell_text, "origin", NULL, 0 },
	{ "METADATA", cell_text, "metadata", NULL, 0 },
	{ }
};

static int print_list(struct json_object *volumes, bool verbose)
{
	(void)verbose;
	return table_print(list_columns, volumes) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run_list(const struct command *cmd, int argc, char **argv)
{
	bool json = false;

	while (command_getopt(cmd, argc, argv) != -1)
		json = true;
	if (optind < argc)
		return usage_error(cmd, "got %s, expected no operands", argv[optind]);
	return volumes_show(client_request("list", NULL), json, print_list, false);
}

const struct command cmd_list = {
	.name = "list",
	.args = "[--json]",
	.summary = "list the volumes",
	.text = "Lists the volumes that are in /etc/eratab, and the volumes whose device exists.",
	.options = "J",
	.run = run_list,
};
