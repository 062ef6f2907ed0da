// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * eractl check: examines metadata.  Opens the metadata of a closed volume itself, and asks erad to
 * examine the metadata of a live volume.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/uuid.h"
#include "common/client.h"
#include "erad_format.h"
#include "eractl/eractl.h"
#include "eractl/metadata.h"

#define SECTOR	((uint64_t)ERAD_SECTOR)

struct check {
	bool json, live;
	uint64_t faults;
};

static void on_fault(void *ctx, const char *what)
{
	struct check *c = ctx;

	if (c->json) {
		fputs(c->faults ? ",\n" : "\n", stdout);
		print_json_string(what);
	} else {
		print_printable(stdout, what);
		putchar('\n');
	}
	c->faults++;
}

/*
 * Prints the values of info.  Without a good superblock, info->block_sectors is 0, and each value
 * is printed as null.
 */
static void end_json(const struct check *c, const struct store_info *info)
{
	char uuid[UUID_TEXT_SIZE], floor[16] = "null";

	fputs(c->faults ? "\n]" : "]", stdout);
	if (info->floor_era)
		snprintf(floor, sizeof(floor), "%" PRIu32, info->floor_era);
	if (info->block_sectors)
		printf(",\"uuid\":\"%s\",\"era\":%" PRIu32 ",\"size\":%" PRIu64
		       ",\"block_size\":%" PRIu64 ",\"clean\":%s,\"degraded\":%s,\"floor_era\":%s}\n",
		       uuid_text(info->uuid, uuid), info->era, info->nr_sectors * SECTOR,
		       info->block_sectors * SECTOR, info->clean ? "true" : "false",
		       info->degraded ? "true" : "false", floor);
	else
		puts(",\"uuid\":null,\"era\":null,\"size\":null,\"block_size\":null,\"clean\":null,\"degraded\":null,\"floor_era\":null}");
}

static void print_checked(const struct check *c, const struct store_info *info)
{
	if (info->block_sectors) {
		metadata_print(info);
		if (c->live)
			puts(", live");
		else
			printf(", %s\n", info->clean ? "closed cleanly" :
			       "not closed cleanly; the next open repairs this");
	}
	if (info->degraded)
		printf("writes have passed unrecorded (degraded): every block counts as written in era %"
		       PRIu32 "\n", info->floor_era);
	else if (info->floor_era)
		printf("every block counts as written in era %" PRIu32 " or later\n", info->floor_era);
	if (c->faults)
		printf("%" PRIu64 " fault%s\n", c->faults, c->faults == 1 ? "" : "s");
	else
		puts("no faults");
}

/*
 * For a live volume, erad checks only the array, because erad has checked the superblock and the
 * journal when it opened the volume.
 */
static int check_volume(struct check *c, const char *name, struct store_info *info, struct err *err)
{
	uint64_t damaged, era = 0, block_sectors = 0;
	struct json_object *result;
	const char *uuid;
	char what[128];
	int r;

	c->live = true;
	r = client_call(client_request("check", name), NULL, NULL, &result, err);
	if (r)
		return r;
	uuid = json_text(result, "uuid");
	if (!uuid || !uuid_from_text(uuid, info->uuid) || !json_number(result, "era", &era) ||
	    !json_number(result, "sectors", &info->nr_sectors) ||
	    !json_number(result, "block_sectors", &block_sectors) ||
	    !json_number(result, "damaged_blocks", &damaged)) {
		r = err_set(err, -EBADMSG, "volume %s: the answer of erad to check cannot be understood: a member is missing", name);
	} else if (damaged) {
		snprintf(what, sizeof(what), "the era array is damaged: %" PRIu64
			 " blocks count as written", damaged);
		on_fault(c, what);
	}
	info->era = era;
	info->block_sectors = block_sectors;
	json_object_put(result);
	return r;
}

static void begin_check_json(const struct check *c, const char *metadata)
{
	if (!c->json)
		return;
	printf("{\"version\":%d,\"metadata\":", JSON_VERSION);
	print_json_string(metadata);
	fputs(",\"faults\":[", stdout);
}

/*
 * Examines the metadata of the volume e, an entry in eratab.  If this metadata is in use, asks erad
 * to examine it.  e NULL: examines the metadata at path, which must not be in use.
 */
static int check_either(struct check *c, const struct eratab_entry *e, const char *path,
			struct store_info *info, struct err *err)
{
	struct engine *engine;
	struct err why;
	int r;

	r = metadata_open(e ? e->metadata : path, ENGINE_READ, &engine, err);
	if (r && !(e && r == -EBUSY))
		return r;
	begin_check_json(c, e ? e->metadata : path);
	if (!r) {
		r = store_check(engine, on_fault, c, info, err);
		return r < 0 ? r : 0;
	}
	r = check_volume(c, e->name, info, &why);
	if (r)
		*err = why;
	return r;
}

static int run_check(const struct command *cmd, int argc, char **argv)
{
	const struct eratab_entry *e;
	struct store_info info = { };
	struct check check = { };
	struct eratab tab;
	struct err err;
	int r;

	while (command_getopt(cmd, argc, argv) != -1)
		check.json = true;
	if (argc - optind != 1)
		return usage_error(cmd, "got %d operands, expected NAME or METADATA",
				   argc - optind);
	e = metadata_volume(argv[optind], &tab);
	r = check_either(&check, e, argv[optind], &info, &err);
	eratab_free(&tab);
	if (r)
		return fail(&err);
	if (check.json)
		end_json(&check, &info);
	else
		print_checked(&check, &info);
	return check.faults ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct command cmd_check = {
	.name = "check",
	.args = "NAME|METADATA [--json]",
	.summary = "examine metadata",
	.text =
	"Reads all metadata of the volume NAME, or of the device or file METADATA.\n"
	"Prints a line for each fault, and a summary. Changes nothing, except that a live\n"
	"volume begins a new era. A live volume must be given by its name. The exit\n"
	"code is 1 if there is any fault.",
	.options = "J",
	.run = run_check,
};
