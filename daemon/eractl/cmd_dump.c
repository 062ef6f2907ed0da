// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl dump: prints for each block the newest era in which it was written. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/uuid.h"
#include "erad_format.h"
#include "eractl/eractl.h"
#include "eractl/eras.h"
#include "store/era_notes.h"

#define SECTOR	((uint64_t)ERAD_SECTOR)

struct dump {
	struct store_info info;
	struct store_notes notes;
	bool json, dm_era;
	uint64_t runs;			/* number of runs that were printed as JSON */
};

static void begin_xml(const struct dump *d)
{
	const struct store_info *i = &d->info;
	char uuid[UUID_TEXT_SIZE], notes[ERA_NOTES_TEXT];

	printf("<superblock uuid=\"%s\" block_size=\"%" PRIu32 "\" nr_blocks=\"%" PRIu64
	       "\" current_era=\"%" PRIu32 "\"", uuid_text(i->uuid, uuid), i->block_sectors,
	       i->nr_blocks, i->era);
	if (!d->dm_era) {
		printf(" nr_sectors=\"%" PRIu64 "\" journal_pages=\"%" PRIu64 "\" array_chunk=\"%"
		       PRIu32 "\" notes=\"%s\"", i->nr_sectors, i->journal_pages, i->chunk_pages,
		       era_notes_text(&d->notes, notes));
	}
	fputs(">\n  <era_array>\n", stdout);
}

static int print_xml(void *ctx, uint64_t first, uint64_t len, uint32_t era)
{
	(void)ctx;
	for (; len && !output_failed(); first++, len--)
		printf("    <era block=\"%" PRIu64 "\" era=\"%" PRIu32 "\"/>\n", first, era);
	return output_failed() ? -EPIPE : 0;
}

static void begin_dump_json(const struct dump *d)
{
	char uuid[UUID_TEXT_SIZE];

	printf("{\"version\":%d,\"uuid\":\"%s\",\"era\":%" PRIu32 ",\"size\":%" PRIu64
	       ",\"block_size\":%" PRIu64 ",\"extents\":[", JSON_VERSION,
	       uuid_text(d->info.uuid, uuid), d->info.era, d->info.nr_sectors * SECTOR,
	       d->info.block_sectors * SECTOR);
}

static int print_json_run(void *ctx, uint64_t first, uint64_t len, uint32_t era)
{
	struct dump *d = ctx;
	const uint64_t block = d->info.block_sectors * SECTOR, size = d->info.nr_sectors * SECTOR;
	uint64_t end = first + len;

	/* The last block may reach beyond the end of the device. */
	end = end == d->info.nr_blocks ? size : end * block;
	printf("%s\n{\"offset\":%" PRIu64 ",\"length\":%" PRIu64 ",\"era\":%" PRIu32 "}",
	       d->runs++ ? "," : "", first * block, end - first * block, era);
	return output_failed() ? -EPIPE : 0;
}

static int begin_dump(void *ctx, const struct store_info *info, struct err *err)
{
	struct dump *d = ctx;

	d->info = *info;
	if (d->dm_era && d->info.nr_blocks > UINT32_MAX)
		return err_set(err, -EFBIG, "got %" PRIu64
			       " blocks, expected at most %" PRIu32 ", the most that dm-era can have: leave out --dm-era",
			       d->info.nr_blocks, UINT32_MAX);
	if (d->json)
		begin_dump_json(d);
	else
		begin_xml(d);
	return 0;
}

static void end_dump(const struct dump *d)
{
	fputs(d->json ? "\n]}\n" : "  </era_array>\n</superblock>\n", stdout);
}

static int run_dump(const struct command *cmd, int argc, char **argv)
{
	struct dump d = { };
	struct eras_reader reader = { .ctx = &d, .begin = begin_dump, .notes = &d.notes };
	struct err err;
	int c;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 'J')
			d.json = true;
		else if (c == 'S')
			reader.snapshot = true;
		else
			d.dm_era = true;
	}
	if (argc - optind != 1)
		return usage_error(cmd, "got %d operands, expected NAME or METADATA",
				   argc - optind);
	if (d.json && d.dm_era)
		return usage_error(cmd, "got both --json and --dm-era, expected one");
	reader.run = d.json ? print_json_run : print_xml;
	if (!eras_read(argv[optind], &reader, &err)) {
		end_dump(&d);
		return EXIT_SUCCESS;
	}
	/* If the output failed, end_output() prints the message. */
	return output_failed() ? EXIT_FAILURE : fail(&err);
}

const struct command cmd_dump = {
	.name = "dump",
	.args = "NAME|METADATA [--snapshot] [--dm-era] [--json]",
	.summary = "print the newest era of each block, as XML",
	.text =
	"Prints the newest era of each block that was ever written, as XML. Both\n"
	"'eractl restore' and era_restore of Debian 12's thin-provisioning-tools read\n"
	"this XML. A closed volume may also be given by its metadata, and nothing is\n"
	"changed. For a live volume, dump begins a new era and shows all eras before the\n"
	"new one. With --snapshot, dump shows the eras before 'eractl snapshot take'.\n"
	"\n"
	"If something fails, the XML has no end, and the exit code is 1.",
	.options = "SEJ",
	.run = run_dump,
};
