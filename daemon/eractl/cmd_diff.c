// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl diff: prints the extents that were written since an era. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/jsonl.h"
#include "common/size.h"
#include "eractl/bookmarks.h"
#include "eractl/format.h"
#include "eractl/lv_map.h"
#include "eractl/qcow2.h"
#include "eractl/volumes.h"

struct diff_run {
	struct diff diff;
	const struct diff_format *format;	/* NULL: the output is a bitmap in a qcow2 file */
	/* Paths for qcow2: the new file, and its backing file. */
	const char *file, *device;
	struct qcow2 *qcow2;
	struct lv_map *lv;			/* NULL: the whole volume */
	bool json;
};

static int begin_qcow2(struct diff_run *run, struct err *err)
{
	const struct diff *d = &run->diff;
	char *its_own = NULL;
	int r;

	if (d->offset % QCOW2_ALIGN)
		return err_set(err, -EINVAL, "offset %" PRIu64 ": expected a multiple of %u bytes for qcow2", d->offset,
			       QCOW2_ALIGN);
	if (!run->device && asprintf(&its_own, "/dev/mapper/%s", d->volume) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	r = qcow2_create(run->file, d->offset + d->head.size, d->head.block_size | d->offset,
			 run->device ? run->device : its_own, &run->qcow2, err);
	free(its_own);
	return r;
}

static int begin_diff(void *ctx, const struct changes_head *head, struct err *err)
{
	struct diff_run *run = ctx;
	struct diff *d = &run->diff;

	if (run->lv && (!run->format || run->format->in_blocks))
		return err_set(err, -EINVAL, "the format %s is for whole volumes, expected table, json, ranges or ddrescue with --lv",
			       run->format ? run->format->name : "qcow2");
	if (head->size > INT64_MAX || d->offset > INT64_MAX - head->size)
		return err_set(err, -EINVAL, "offset %" PRIu64 ": the end of the volume would be beyond the largest size of a file",
			       d->offset);
	if (run->format && run->format->in_blocks && d->offset % head->block_size)
		return err_set(err, -EINVAL, "offset %" PRIu64 ": expected a multiple of the block size, %" PRIu64
			       " bytes, for the format %s", d->offset, head->block_size, run->format->name);
	d->head = *head;
	if (run->lv)
		d->head.size = lv_map_size(run->lv);
	changes_complain_of_gaps(d->volume, head);
	if (!run->format)
		return begin_qcow2(run, err);
	run->format->begin(d);
	d->head.token = NULL;
	d->head.gaps = NULL;
	return 0;
}

static int print_extent(void *ctx, uint64_t offset, uint64_t length, struct err *err)
{
	struct diff_run *run = ctx;
	struct diff *d = &run->diff;

	offset += d->offset;
	if (!run->format)
		return qcow2_mark(run->qcow2, offset, length, err);
	run->format->extent(d, offset, length);
	d->end = offset + length;
	d->changed += length;
	d->extents++;
	/* If the output failed, end_output() prints the reason. */
	return output_failed() ? err_set(err, -EPIPE, "the output failed") : 0;
}

/*
 * Prints an extent of the volume.  With --lv, keeps the extent until all extents on the logical
 * volume are known.
 */
static int take_extent(void *ctx, uint64_t offset, uint64_t length, struct err *err)
{
	struct diff_run *run = ctx;

	if (!run->lv)
		return print_extent(ctx, offset, length, err);
	return lv_map_add(run->lv, offset, length) ? err_set(err, -ENOMEM, "out of memory") : 0;
}

static void print_due(const struct diff_run *run, const char *why)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "volume", jsonl_text(run->diff.volume));
	json_object_object_add(o, "full_copy_due", jsonl_text(why));
	print_json(o);
	json_object_put(o);
}

static int finish(struct diff_run *run, struct err *err)
{
	struct qcow2 *q = run->qcow2;

	run->qcow2 = NULL;
	if (q)
		return qcow2_finish(q, err);
	run->format->end(&run->diff);
	return 0;
}

static int print_diff(struct diff_run *run, struct changes_reader *reader)
{
	char found[TOKEN_TEXT_SIZE];
	struct err err;
	int r;

	reader->ctx = run;
	reader->begin = begin_diff;
	reader->extent = take_extent;
	r = since_find(run->diff.volume, &reader->token, &reader->since, found, &err);
	if (!r)
		r = changes_read(run->diff.volume, reader, &err);
	if (!r && run->lv)
		r = lv_map_walk(run->lv, print_extent, run, &err);
	if (!r)
		r = finish(run, &err);
	if (!r)
		return EXIT_SUCCESS;
	qcow2_drop(run->qcow2);
	if (r == -ESTALE && run->json)
		print_due(run, err.msg);
	else if (run->format && run->format->cut_off)
		run->format->cut_off();
	if (r == -ESTALE) {
		complain("volume %s: a full copy is due: %s", run->diff.volume, err.msg);
		return EXIT_FULL_COPY;
	}
	return output_failed() ? EXIT_FAILURE : fail(&err);
}

/*
 * Reads the operands: a volume or metadata, and for qcow2 the new file.  Returns 0, or prints an
 * error and returns EXIT_USAGE.
 */
static int take_operands(const struct command *cmd, struct diff_run *run, bool qcow2, int argc, char **argv)
{
	if (optind >= argc)
		return usage_error(cmd, "the name of a volume is missing");
	run->diff.volume = argv[optind];
	if (qcow2 && optind + 1 >= argc)
		return usage_error(cmd, "the FILE to be made is missing, after --format qcow2");
	if (optind + 1 + qcow2 < argc)
		return usage_error(cmd, "got %s, expected one volume%s", argv[optind + 1 + qcow2],
				   qcow2 ? " and the FILE to be made" : "");
	if (qcow2)
		run->file = argv[optind + 1];
	if (run->device && !qcow2)
		return usage_error(cmd, "--device is for --format qcow2 only");
	if (strchr(run->diff.volume, '/') || run->diff.offset) {
		if (qcow2 && !run->device)
			return usage_error(cmd, "--device DEV is missing: the qcow2 file needs the path of the data");
	}
	return strchr(run->diff.volume, '/') ? 0 : check_name(cmd, run->diff.volume);
}

static int run_diff(const struct command *cmd, int argc, char **argv)
{
	const char *format = NULL, *since = NULL, *lv = NULL;
	struct changes_reader reader = { };
	struct diff_run run = { };
	struct err err;
	bool qcow2;
	int c;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		switch (c) {
		case 's':
			since = optarg;
			break;
		case 'S':
			reader.snapshot = true;
			break;
		case 'f':
			format = optarg;
			break;
		case 'P':
			if (size_parse(optarg, &run.diff.offset))
				return usage_error(cmd, "offset %s: expected a number of bytes, or e.g. 1M", optarg);
			break;
		case 'l':
			lv = optarg;
			break;
		case 'V':
			run.device = optarg;
			break;
		case 'J':
			run.json = true;
			break;
		}
	}
	qcow2 = format && !strcmp(format, "qcow2");
	if (take_operands(cmd, &run, qcow2, argc, argv) || since_parse(cmd, since, &reader.token, &reader.since))
		return EXIT_USAGE;
	if (run.json && format && strcmp(format, "json"))
		return usage_error(cmd, "got both --json and --format %s, expected one", format);
	if (!qcow2) {
		run.format = diff_format_find(run.json ? "json" : format ? format : "table");
		if (!run.format)
			return usage_error(cmd, "format %s: expected table, json, ranges, ddrescue, xml or qcow2", format);
		run.json = !strcmp(run.format->name, "json");
	}
	if (lv && reader.snapshot)
		return usage_error(cmd, "got --lv and --snapshot, expected one: LVM says where the logical volume lies now, not where it lay when the snapshot was taken");
	if (lv && strchr(run.diff.volume, '/'))
		return usage_error(cmd, "--lv is for open volumes, got the path %s", run.diff.volume);
	if (lv && lv_map_new(lv, run.diff.volume, &run.lv, &err))
		return fail(&err);
	c = print_diff(&run, &reader);
	lv_map_free(run.lv);
	return c;
}

const struct command cmd_diff = {
	.name = "diff",
	.args = "NAME|METADATA --since ERA|TOKEN|@BOOKMARK [--snapshot] [--lv VG/LV] [--offset BYTES] [--format FORMAT [FILE]] [--json]",
	.summary = "list what was written since an era",
	.text =
	"Lists, in ascending order, exactly the blocks that were written in era ERA\n"
	"or a later one; with ERA 0, the whole volume. @BOOKMARK stands for the token that\n"
	"'eractl bookmark' has kept. With --snapshot, lists only what was written before\n"
	"'eractl snapshot take'. A closed volume can also be named by its metadata, a path\n"
	"with a /; then erad is not needed.\n"
	"\n"
	"With --lv, lists only the blocks of one logical volume of an attached volume, with\n"
	"their places in the logical volume as it is now. Not with --snapshot.\n"
	"\n"
	"  table     for people, with a sum at the end\n"
	"  json      one object: {\"extents\": [{\"offset\", \"length\", \"type\"}, …], …}\n"
	"  ranges    lines of offset and length\n"
	"  ddrescue  a map for ddrescue --domain-mapfile\n"
	"  xml       numbers of blocks, as era_invalidate of Debian 12 prints them\n"
	"  qcow2     makes FILE, which holds a dirty bitmap for QEMU and for NBD, and has\n"
	"            the volume, or the device that --device names, as its backing file\n"
	"\n"
	"Numbers are bytes, except the lengths in the table and the block numbers in XML.\n"
	"Use the output only if the exit code is 0: if erad ends in the middle, JSON and\n"
	"XML have no end, and the last line of ranges and maps is \"incomplete\".\n"
	"\n"
	"Exits with 3 if the metadata does not know the moment that TOKEN names: then\n"
	"only a full copy is complete. JSON has the reason as \"full_copy_due\". If writes\n"
	"may have gone past erad since ERA, the whole volume is listed. A line on standard\n"
	"error, and \"gaps\" in JSON, say why.",
	.options = "sSlPfVJ",
	.run = run_diff,
};
