// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl status: how volumes are. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "eractl/client.h"
#include "eractl/table.h"
#include "eractl/volumes.h"

static void cell_state(char buf[CELL_MAX], struct json_object *row, const struct column *col)
{
	cell_text(buf, row, col);
	if (json_object_get_boolean(json_object_object_get(row, "suspended")))
		strcat(buf, ", suspended");
}

static const struct column columns[] = {
	{ "VOLUME", cell_text, "volume", NULL, 0 },
	{ "STATE", cell_state, "state", NULL, 0 },
	{ "ERA", cell_count, "era", NULL, 1 },
	{ "SIZE", cell_bytes, "size", NULL, 1 },
	{ "BLOCK", cell_bytes, "block_size", NULL, 1 },
	{ "HELD", cell_count, "held", NULL, 1 },
	{ "OLDEST", cell_seconds, "oldest_held_seconds", NULL, 1 },
	{ "JOURNAL", cell_percent, "journal_used", "journal_pages", 1 },
	{ }
};

static const struct column details[] = {
	{ "UUID", cell_text, "uuid", NULL, 0 },
	{ "device", cell_text, "device", NULL, 0 },
	{ "origin", cell_text, "origin", NULL, 0 },
	{ "blocks", cell_count, "blocks", NULL, 0 },
	{ "metadata", cell_text, "metadata", NULL, 0 },
	{ "metadata size", cell_bytes, "metadata_size", NULL, 0 },
	{ "journal pages", cell_count, "journal_pages", NULL, 0 },
	{ "journal in use", cell_count, "journal_used", NULL, 0 },
	{ "writes held", cell_count, "held", NULL, 0 },
	{ "oldest held for", cell_seconds, "oldest_held_seconds", NULL, 0 },
	{ "writes released", cell_count, "released", NULL, 0 },
	{ "commits", cell_count, "commits", NULL, 0 },
	{ "commit pages", cell_count, "commit_pages", NULL, 0 },
	{ "folds", cell_count, "folds", NULL, 0 },
	{ "over-marked", cell_count, "over_marked", NULL, 0 },
	{ }
};

static struct json_object *request_for(char *const *names)
{
	struct json_object *o = client_request("status", NULL);
	struct json_object *list = json_object_new_array();

	for (; *names; names++)
		json_object_array_add(list, json_object_new_string(*names));
	json_object_object_add(o, "volumes", list);
	return o;
}

static void print_trouble(struct json_object *row)
{
	const char *volume = json_text(row, "volume"), *error = json_text(row, "error");
	char what[1024];
	uint64_t n;

	if (error) {
		snprintf(what, sizeof(what), "%s: %s", volume ? volume : "?", error);
		puts(printable(what));
	}
	if (json_number(row, "over_marked", &n) && n)
		printf("%s: metadata was damaged: %" PRIu64
		       " blocks count as written, to be safe\n", volume ? volume : "?", n);
}

static int print(struct json_object *volumes, bool verbose)
{
	size_t i, n = json_object_array_length(volumes);

	if (table_print(columns, volumes))
		return EXIT_FAILURE;
	for (i = 0; i < n; i++)
		print_trouble(json_object_array_get_idx(volumes, i));
	for (i = 0; verbose && i < n; i++) {
		struct json_object *row = json_object_array_get_idx(volumes, i);
		const char *volume = json_text(row, "volume");

		printf("\n%s\n", volume ? volume : "?");
		list_print(details, row);
	}
	return EXIT_SUCCESS;
}

static int run(const struct command *cmd, int argc, char **argv)
{
	bool json = false, verbose = false;
	int c;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 'J')
			json = true;
		else if (c == 'v')
			verbose = true;
	}
	for (c = optind; c < argc; c++)
		if (check_name(cmd, argv[c]))
			return EXIT_USAGE;
	return volumes_show(request_for(argv + optind), json, print,
			    verbose || optind < argc);
}

const struct command cmd_status = {
	.name = "status",
	.args = "[NAME…] [--verbose] [--json]",
	.summary = "show how volumes are",
	.text =
	"Shows a line for each volume and under the table what is wrong with it.\n"
	"With names, or with --verbose, details follow.\n"
	"\n"
	"  STATE     closed, loading, active, failed or detached; and suspended\n"
	"  ERA       the current one\n"
	"  BLOCK     what is tracked as one\n"
	"  HELD      writes that wait until erad has recorded them\n"
	"  OLDEST    how long the first of them has waited\n"
	"  JOURNAL   how full the metadata's journal is; it is emptied in the background",
	.options = "vJ",
	.run = run,
};
