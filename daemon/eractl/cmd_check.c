// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl check: examines metadata that nobody has open. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/uuid.h"
#include "erad_format.h"
#include "eractl/eractl.h"
#include "eractl/metadata.h"

#define SECTOR	((uint64_t)ERAD_SECTOR)

struct check {
	bool json;
	uint64_t faults;
};

static void on_fault(void *ctx, const char *what)
{
	struct check *c = ctx;

	if (c->json) {
		fputs(c->faults ? ",\n" : "\n", stdout);
		print_json_string(what);
	} else {
		puts(what);
	}
	c->faults++;
}

/* Without a good superblock nothing is known, and info->block_sectors is 0. */
static void end_json(const struct check *c, const struct store_info *info)
{
	char uuid[UUID_TEXT_SIZE];

	fputs(c->faults ? "\n]" : "]", stdout);
	if (info->block_sectors)
		printf(",\"uuid\":\"%s\",\"era\":%" PRIu32 ",\"size\":%" PRIu64
		       ",\"block_size\":%" PRIu64 ",\"clean\":%s}\n",
		       uuid_text(info->uuid, uuid), info->era, info->nr_sectors * SECTOR,
		       info->block_sectors * SECTOR, info->clean ? "true" : "false");
	else
		puts(",\"uuid\":null,\"era\":null,\"size\":null,\"block_size\":null,\"clean\":null}");
}

static void print_summary(const struct check *c, const struct store_info *info)
{
	if (info->block_sectors) {
		metadata_print(info);
		printf(", %s\n", info->clean ? "closed cleanly" :
		       "not closed cleanly, which the next open mends");
	}
	if (c->faults)
		printf("%" PRIu64 " fault%s\n", c->faults, c->faults == 1 ? "" : "s");
	else
		puts("no faults");
}

static int run(const struct command *cmd, int argc, char **argv)
{
	struct store_info info = { };
	struct check check = { };
	struct engine *engine;
	struct err err;
	int r;

	while (command_getopt(cmd, argc, argv) != -1)
		check.json = true;
	if (argc - optind != 1)
		return usage_error(cmd, "got %d operands, expected METADATA", argc - optind);
	r = metadata_open(argv[optind], ENGINE_READ, &engine, &err);
	if (r)
		return fail(&err);
	if (check.json) {
		printf("{\"version\":%d,\"metadata\":", JSON_VERSION);
		print_json_string(argv[optind]);
		fputs(",\"faults\":[", stdout);
	}
	r = store_check(engine, on_fault, &check, &info, &err);
	if (r < 0)
		return fail(&err);
	if (check.json)
		end_json(&check, &info);
	else
		print_summary(&check, &info);
	return check.faults ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct command cmd_check = {
	.name = "check",
	.args = "METADATA [--json]",
	.summary = "examine metadata that is not in use",
	.text =
	"Reads all of the metadata on the device or in the file METADATA, changes\n"
	"nothing, and prints a line for each fault and a summary. The volume must be\n"
	"closed. The exit code is 1 if there is any fault.",
	.options = "J",
	.run = run,
};
