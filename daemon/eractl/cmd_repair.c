// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * eractl repair: repairs damaged metadata.  Blocks whose eras are lost count as written in the
 * current era.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/jsonl.h"
#include "common/size.h"
#include "common/uuid.h"
#include "erad_format.h"
#include "eractl/eractl.h"
#include "eractl/metadata.h"
#include "store/repair.h"

static void on_repair(void *ctx, const char *what)
{
	struct json_object *repairs = ctx;

	if (repairs) {
		json_object_array_add(repairs, jsonl_text(what));
		return;
	}
	print_printable(stdout, what);
	putchar('\n');
}

/* Returns done->over_marked in bytes, at most the size of the device. */
static uint64_t over_marked(const struct store_repaired *done, const struct store_info *info)
{
	const uint64_t bytes = done->over_marked * info->block_sectors * ERAD_SECTOR;
	const uint64_t size = info->nr_sectors * ERAD_SECTOR;

	return bytes < size ? bytes : size;
}

static void print_repaired(const struct store_repaired *done, const struct store_info *info)
{
	char size[SIZE_TEXT], of[SIZE_TEXT];

	metadata_print(info);
	putchar('\n');
	if (!done->repairs)
		puts("nothing to repair");
	else if (done->over_marked)
		printf("up to %" PRIu64 " block%s (%s of %s) count as written in a newer era than before\n",
		       done->over_marked, done->over_marked == 1 ? "" : "s",
		       size_format(size, over_marked(done, info)),
		       size_format(of, info->nr_sectors * ERAD_SECTOR));
	else
		puts("no block counts as written in a newer era than before");
}

static void print_repaired_json(const char *path, const struct store_repaired *done,
				const struct store_info *info, struct json_object *repairs)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "metadata", jsonl_text(path));
	json_object_object_add(o, "repairs", json_object_get(repairs));
	json_object_object_add(o, "over_marked_blocks", json_object_new_int64(done->over_marked));
	json_object_object_add(o, "over_marked_bytes",
			       json_object_new_int64(over_marked(done, info)));
	json_object_object_add(o, "new_uuid", json_object_new_boolean(done->new_uuid));
	metadata_add(o, info);
	print_json(o);
	json_object_put(o);
}

static int repair_metadata(const char *path, struct json_object *repairs)
{
	struct store_repaired done;
	struct store_info info;
	struct engine *engine;
	struct err err;
	uint8_t uuid[16];
	int r;

	r = uuid_random(uuid);
	if (r) {
		complain("cannot make a UUID: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	r = metadata_open(path, ENGINE_CLAIM, &engine, &err);
	if (!r)
		r = store_repair(engine, uuid, on_repair, repairs, &done, &info, &err);
	if (r)
		return fail(&err);
	if (repairs)
		print_repaired_json(path, &done, &info, repairs);
	else
		print_repaired(&done, &info);
	return EXIT_SUCCESS;
}

static int run_repair(const struct command *cmd, int argc, char **argv)
{
	struct json_object *repairs = NULL;
	int code;

	while (command_getopt(cmd, argc, argv) != -1)
		if (!repairs)
			repairs = json_object_new_array();
	if (argc - optind != 1)
		return usage_error(cmd, "got %d operands, expected METADATA", argc - optind);
	code = repair_metadata(argv[optind], repairs);
	json_object_put(repairs);
	return code;
}

const struct command cmd_repair = {
	.name = "repair",
	.args = "METADATA [--json]",
	.summary = "repair damaged metadata; blocks may count as written without need",
	.text =
	"Repairs the faults that 'eractl check' finds on the device or in the file\n"
	"METADATA. No write is lost: if the era of a block is not known any more, the\n"
	"block counts as written in the current era, and the next diff is larger than\n"
	"necessary. Prints a line for each repair, with the number of blocks that it\n"
	"concerns. The volume must be closed.\n"
	"\n"
	"If both superblocks are damaged, the metadata gets a new UUID, and all blocks\n"
	"count as written.",
	.options = "J",
	.run = run_repair,
};
