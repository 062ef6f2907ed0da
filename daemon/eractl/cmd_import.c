// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl import: makes metadata from the metadata of Linux's dm-era target. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "erad_format.h"
#include "eractl/dm_era.h"
#include "eractl/eractl.h"
#include "eractl/metadata.h"
#include "eractl/restore.h"

struct import {
	struct dm_era *from;
	const char *origin;	/* NULL: compute the volume's size from the number of blocks */
	uint64_t nr_sectors;	/* size of the origin */
	const struct era_sink *sink;
	void *ctx;
};

/*
 * Checks the origin's size.  The origin may end inside the last block, and dm-era's metadata
 * contains only the number of blocks.
 */
static int import_super(void *ctx, const struct era_super *sb, struct err *err)
{
	struct import *i = ctx;
	struct era_super super = *sb;

	if (i->origin) {
		const uint64_t least = sb->nr_sectors - sb->block_sectors + 1;

		if (i->nr_sectors < least || i->nr_sectors > sb->nr_sectors)
			return err_set(err, -EINVAL, "origin %s has %" PRIu64 " sectors, expected %"
				       PRIu64 " to %" PRIu64 ", because the metadata has %" PRIu64
				       " blocks of %" PRIu32 " sectors", i->origin, i->nr_sectors, least,
				       sb->nr_sectors, sb->nr_blocks, sb->block_sectors);
		super.nr_sectors = i->nr_sectors;
	}
	return i->sink->super(i->ctx, &super, err);
}

static int import_blocks(void *ctx, uint64_t first, uint64_t len, uint32_t era, struct err *err)
{
	struct import *i = ctx;

	return i->sink->blocks(i->ctx, first, len, era, err);
}

static int read_dm_era(void *from, const struct era_sink *sink, void *ctx, struct err *err)
{
	static const struct era_sink own = { .super = import_super, .blocks = import_blocks };
	struct import *i = from;

	i->sink = sink;
	i->ctx = ctx;
	return dm_era_read(i->from, &own, i, err);
}

static int find_size(struct import *i, struct err *err)
{
	int fd = open(i->origin, O_RDONLY | O_CLOEXEC);
	off_t end = -1;

	if (fd >= 0)
		end = lseek(fd, 0, SEEK_END);
	if (end < 0)
		err_set(err, -errno, "origin %s: cannot find out its size: %s", i->origin,
			strerror(errno));
	if (fd >= 0)
		close(fd);
	i->nr_sectors = end / ERAD_SECTOR;
	return end < 0 ? -EIO : 0;
}

static int import_metadata(struct import *i, const char *path, bool snapshot, const struct restore *r)
{
	struct engine *e;
	struct err err;
	int ret;

	if (i->origin && find_size(i, &err))
		return fail(&err);
	/*
	 * Do not require exclusive use of the metadata.  dm-era may be using it, but its metadata
	 * snapshot does not change.
	 */
	if (snapshot)
		ret = engine_open(path, ENGINE_READ, &e, &err);
	else
		ret = metadata_open(path, ENGINE_READ, &e, &err);
	if (ret)
		return fail(&err);
	ret = dm_era_open(e, snapshot, &i->from, &err);
	ret = ret ? fail(&err) : restore(r);
	dm_era_close(i->from);
	engine_destroy(e);
	return ret;
}

static int run_import(const struct command *cmd, int argc, char **argv)
{
	struct import i = { };
	struct restore r = { .read = read_dm_era, .from = &i };
	bool snapshot = false;
	int c;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		switch (c) {
		case 'o':
			i.origin = optarg;
			break;
		case 'M':
			snapshot = true;
			break;
		case 'W':
			r.overwrite = true;
			break;
		case 'J':
			r.json = true;
			break;
		}
	}
	if (argc - optind != 2)
		return usage_error(cmd, "got %d operands, expected DM-ERA-METADATA METADATA",
				   argc - optind);
	r.path = argv[optind + 1];
	return import_metadata(&i, argv[optind], snapshot, &r);
}

const struct command cmd_import = {
	.name = "import",
	.args = "DM-ERA-METADATA METADATA [--origin DEV] [--metadata-snapshot] [--overwrite-metadata] [--json]",
	.summary = "make metadata from the metadata of dm-era",
	.text =
	"Reads the metadata of Linux's dm-era from the device or file DM-ERA-METADATA,\n"
	"and writes metadata to the device or file METADATA. Creates the file if it\n"
	"does not exist. All of the dm-era metadata is read and verified before\n"
	"anything is written. Remove the dm-era volume first, or use\n"
	"--metadata-snapshot.\n"
	"\n"
	"The volume gets the UUID of the dm-era metadata, or a new UUID if that\n"
	"metadata has none.",
	.options = "oMWFJ",
	.run = run_import,
};
