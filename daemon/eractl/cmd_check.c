// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl check: examines metadata that nobody has open. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/size.h"
#include "eractl/eractl.h"
#include "store/store.h"

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

static void uuid_text(char buf[37], const uint8_t uuid[16])
{
	char *p = buf;
	int i;

	for (i = 0; i < 16; i++)
		p += sprintf(p, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", uuid[i]);
}

static void print_summary(const struct check *c, const struct store_info *info)
{
	uint64_t bytes = info->nr_sectors * 512, block = info->block_sectors * 512ull;
	char size[SIZE_TEXT], block_size[SIZE_TEXT], uuid[37];

	uuid_text(uuid, info->uuid);
	if (c->json) {
		printf("%s],\"uuid\":\"%s\",\"era\":%" PRIu32 ",\"size\":%" PRIu64
		       ",\"block_size\":%" PRIu64 ",\"clean\":%s}\n", c->faults ? "\n" : "", uuid,
		       info->era, bytes, block, info->clean ? "true" : "false");
		return;
	}
	printf("%s: era %" PRIu32 ", %s in blocks of %s, %s\n", uuid, info->era,
	       size_format(size, bytes), size_format(block_size, block),
	       info->clean ? "closed cleanly" : "not closed cleanly, which the next open mends");
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
	r = engine_open(argv[optind], ENGINE_READ, &engine, &err);
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
