// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl restore: makes metadata from the XML of eractl dump or of era_dump. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "erad_format.h"
#include "eractl/era_xml.h"
#include "eractl/eractl.h"
#include "eractl/metadata.h"
#include "store/build.h"

#define EMPTY_BYTES	(1u << 20)	/* zeros there: nothing that is known is on it */

struct restore {
	const char *path;
	bool force;
	const char *input;	/* its name */
	FILE *xml;
	struct store_geometry geometry;
	uint32_t era;
	struct build *build;	/* NULL: only looking whether the XML is good */
};

static int take_super(void *ctx, const struct era_xml_super *sb, struct err *err)
{
	struct restore *r = ctx;
	sd_id128_t id;
	int ret;

	if (r->build)
		return 0;
	r->geometry = (struct store_geometry){
		.nr_sectors = sb->nr_sectors, .block_sectors = sb->block_sectors,
		.journal_pages = sb->journal_pages, .chunk_pages = sb->chunk_pages,
	};
	r->era = sb->era;
	if (sb->has_uuid) {
		memcpy(r->geometry.uuid, sb->uuid, sizeof(sb->uuid));
		return 0;
	}
	ret = sd_id128_randomize(&id);
	if (ret < 0)
		return err_set(err, ret, "cannot make a UUID: %s", strerror(-ret));
	memcpy(r->geometry.uuid, id.bytes, sizeof(id.bytes));
	return 0;
}

static int take_blocks(void *ctx, uint64_t first, uint64_t len, uint32_t era, struct err *err)
{
	struct restore *r = ctx;

	return r->build ? build_put(r->build, first, len, era, err) : 0;
}

static int read_xml(struct restore *r, struct err *err)
{
	static const struct era_xml_sink sink = { .super = take_super, .blocks = take_blocks };

	if (fseeko(r->xml, 0, SEEK_SET))
		return err_set(err, -errno, "%s: going to its start: %s", r->input,
			       strerror(errno));
	return era_xml_read(r->xml, r->input, &sink, r, err);
}

/* What is no file is copied, as it will be read twice. */
static int open_xml(struct restore *r, struct err *err)
{
	FILE *in = stdin, *copy;
	struct stat st;
	char buf[16384];
	size_t n;

	if (r->input)
		in = fopen(r->input, "re");
	else
		r->input = "standard input";
	if (!in || fstat(fileno(in), &st))
		return err_set(err, -errno, "%s: %s", r->input, strerror(errno));
	r->xml = in;
	if (S_ISREG(st.st_mode))
		return 0;
	copy = tmpfile();
	if (!copy)
		return err_set(err, -errno, "making a temporary file: %s", strerror(errno));
	r->xml = copy;
	while ((n = fread(buf, 1, sizeof(buf), in)) && fwrite(buf, 1, n, copy) == n)
		;
	if (ferror(in))
		return err_set(err, -EIO, "%s: reading it: %s", r->input, strerror(errno));
	if (n || fflush(copy))
		return err_set(err, -errno, "writing a temporary file: %s", strerror(errno));
	return 0;
}

/* EEXIST if anything is on it. */
static int check_empty(struct engine *e, struct err *err)
{
	const uint64_t len = e->size < EMPTY_BYTES ? e->size : EMPTY_BYTES;
	char *buf;
	int ret;

	if (!len)
		return 0;
	buf = aligned_alloc(ERAD_PAGE, EMPTY_BYTES);
	if (!buf)
		return err_set(err, -ENOMEM, "%s: out of memory", e->name);
	ret = e->ops->read(e, buf, 0, len);
	if (ret)
		err_set(err, ret, "%s: reading it: %s", e->name, strerror(-ret));
	else if (buf[0] || memcmp(buf, buf + 1, len - 1))
		ret = err_set(err, -EEXIST,
			      "%s: it is not empty; --force overwrites what is there", e->name);
	free(buf);
	return ret;
}

/* *created: the file was not there before. */
static int open_target(struct restore *r, struct engine **e, bool *created, struct err *err)
{
	uint64_t size, written;
	int ret;

	size = store_size(&r->geometry, &written);
	*created = access(r->path, F_OK) && errno == ENOENT;
	if (*created) {
		ret = engine_create_file(r->path, size, written, err);
		if (ret) {
			*created = false;
			return ret;
		}
	}
	ret = metadata_open(r->path, ENGINE_WRITE, e, err);
	if (ret)
		return ret;
	if (!*created && !r->force)
		ret = check_empty(*e, err);
	/* A device that is smaller may do with a smaller journal: build_begin() knows. */
	if (!ret && (*e)->size < size) {
		ret = (*e)->ops->grow(*e, size);
		if (ret == -ENOSPC)
			ret = 0;
		if (ret)
			err_set(err, ret, "%s: making it %" PRIu64 " bytes long: %s", r->path, size,
				strerror(-ret));
	}
	if (ret) {
		engine_destroy(*e);
		*e = NULL;
	}
	return ret;
}

static int fill(struct restore *r, struct engine *e, struct err *err)
{
	int ret;

	ret = build_begin(e, &r->geometry, r->era, &r->build, err);
	if (ret)
		return ret;
	ret = read_xml(r, err);
	if (!ret)
		return build_end(r->build, err);
	build_cancel(r->build);
	return ret;
}

static int restore(struct restore *r, struct store_info *info, struct err *err)
{
	struct engine *e = NULL;
	bool created = false;
	struct store *s;
	int ret;

	ret = read_xml(r, err);
	if (!ret)
		ret = open_target(r, &e, &created, err);
	if (!ret)
		ret = fill(r, e, err);
	if (!ret) {
		ret = store_open(e, STORE_READ, &s, err);
		e = NULL;
	}
	if (!ret) {
		store_info(s, info);
		store_close(s, false, NULL);
	}
	engine_destroy(e);
	if (ret && created)
		unlink(r->path);
	return ret;
}

static void print(const struct restore *r, const struct store_info *info, bool json)
{
	struct json_object *o;

	if (!json) {
		printf("%s: ", r->path);
		metadata_print(info);
		putchar('\n');
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "metadata", json_object_new_string(r->path));
	metadata_add(o, info);
	print_json(o);
	json_object_put(o);
}

static int run(const struct command *cmd, int argc, char **argv)
{
	struct restore r = { };
	struct store_info info;
	bool json = false;
	struct err err;
	int c, ret;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		switch (c) {
		case 'i':
			r.input = optarg;
			break;
		case 'W':
			r.force = true;
			break;
		case 'J':
			json = true;
			break;
		}
	}
	if (argc - optind != 1)
		return usage_error(cmd, "got %d operands, expected METADATA", argc - optind);
	r.path = argv[optind];
	ret = open_xml(&r, &err);
	if (!ret)
		ret = restore(&r, &info, &err);
	if (ret)
		return fail(&err);
	print(&r, &info, json);
	return EXIT_SUCCESS;
}

const struct command cmd_restore = {
	.name = "restore",
	.args = "METADATA [--input FILE] [--force] [--json]",
	.summary = "make metadata from what dump has printed",
	.text =
	"Writes metadata to the device or the file METADATA, which is made if it is\n"
	"not there, from the XML of 'eractl dump', or of era_dump of\n"
	"thin-provisioning-tools, which shows dm-era's metadata. The XML is read as a\n"
	"whole before anything is written. The volume must be closed.\n"
	"\n"
	"The same XML always makes the same metadata, but for XML without a UUID,\n"
	"which gets a new one.",
	.options = "iWJ",
	.run = run,
};
