// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl diff: prints the extents that were written since an era. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/client.h"
#include "common/token.h"
#include "eractl/format.h"
#include "eractl/volumes.h"

struct run {
	struct diff diff;
	const struct diff_format *format;
	const char *token;	/* NULL: the user has given an era, diff.since */
	bool begun, snapshot, json;
	/* The last extent is not printed before it is known whether the next extent continues it. */
	uint64_t offset, length;
};

static int garbled(const struct run *run, struct err *err, const char *how)
{
	return err_set(err, -EBADMSG, "volume %s: the answer of erad makes no sense: %s",
		       run->diff.volume, how);
}

static void print_kept(struct run *run)
{
	struct diff *d = &run->diff;

	if (!run->length)
		return;
	run->format->extent(d, run->offset, run->length);
	d->end = run->offset + run->length;
	d->changed += run->length;
	d->extents++;
	run->length = 0;
}

/* Returns number i of the part, and the number after it. */
static int take_extent(struct run *run, struct json_object *part, size_t i, struct err *err)
{
	uint64_t offset, length, end = run->length ? run->offset + run->length : run->diff.end;

	if (!json_to_number(json_object_array_get_idx(part, i), &offset) ||
	    !json_to_number(json_object_array_get_idx(part, i + 1), &length))
		return garbled(run, err, "an extent is not an offset and a length");
	if (offset < end)
		return garbled(run, err, "the extents do not ascend");
	if (!length || length > run->diff.size || offset > run->diff.size - length)
		return garbled(run, err, "an extent is empty or goes beyond the volume");

	if (run->length && offset == end) {
		run->length += length;
		return 0;
	}
	print_kept(run);
	run->offset = offset;
	run->length = length;
	return 0;
}

/* Says why a diff lists every block: because of gaps. */
static void complain_of_gaps(const struct diff *d)
{
	const size_t nr = json_object_is_type(d->gaps, json_type_array) ? json_object_array_length(d->gaps) : 0;
	struct json_object *last = nr ? json_object_array_get_idx(d->gaps, nr - 1) : NULL;
	const char *kind = json_text(last, "kind"), *detail = json_text(last, "detail");
	char more[64] = "";
	uint64_t era;

	if (!kind || !json_number(last, "era", &era))
		return;
	if (nr > 1)
		snprintf(more, sizeof(more), ", the last of %zu gaps", nr);
	complain("volume %s: the whole volume is listed, because writes may have gone past erad in era %" PRIu64
		 " (%s%s%s%s)", d->volume, era, kind, detail && *detail ? ": " : "", detail ? detail : "", more);
}

static int take_header(struct run *run, struct json_object *part, struct err *err)
{
	struct diff *d = &run->diff;
	uint64_t since;

	if (!json_number(part, "block_size", &d->block_size) ||
	    !d->block_size || !json_number(part, "size", &d->size) ||
	    !json_number(part, "since", &since) || !json_number(part, "era", &d->era))
		return garbled(run, err, "the first part lacks block_size, size, since or era");
	if (since != d->since)
		return garbled(run, err, "it is about another era");
	run->begun = true;
	d->token = json_text(part, "token");
	d->gaps = json_object_object_get(part, "gaps");
	complain_of_gaps(d);
	run->format->begin(d);
	d->token = NULL;
	d->gaps = NULL;
	return 0;
}

static int take_part(void *ctx, struct json_object *part, struct err *err)
{
	struct run *run = ctx;
	size_t i, n;
	int r;

	if (!run->begun)
		return take_header(run, part, err);
	if (!json_object_is_type(part, json_type_array))
		return garbled(run, err, "a part is not a list of extents");
	n = json_object_array_length(part);
	for (i = 0; i < n; i += 2) {
		r = take_extent(run, part, i, err);
		if (r)
			return r;
	}
	/* The message comes from end_output(). */
	return output_failed() ? err_set(err, -EPIPE, "the output failed") : 0;
}

static int finish(struct run *run, struct json_object *result, struct err *err)
{
	uint64_t changed;

	if (!run->begun)
		return garbled(run, err, "it has no first part");
	if (!json_number(result, "changed_bytes", &changed) ||
	    changed != run->diff.changed + run->length)
		return garbled(run, err, "changed_bytes is not the sum of the extents");
	print_kept(run);
	run->format->end(&run->diff);
	return 0;
}

static int diff(struct run *run)
{
	struct json_object *request = client_request("diff", run->diff.volume), *result;
	const char *due;
	struct err err;
	int r;

	if (run->token)
		json_object_object_add(request, "token", json_object_new_string(run->token));
	else
		json_object_object_add(request, "since", json_object_new_int64(run->diff.since));
	if (run->snapshot)
		json_object_object_add(request, "snapshot", json_object_new_boolean(true));
	r = client_call(request, take_part, run, &result, &err);
	due = r ? NULL : json_text(result, "full_copy_due");
	if (due) {
		complain("volume %s: a full copy is due: %s", run->diff.volume, due);
		if (run->json)
			print_json(result);
		else if (run->format->cut_off)
			run->format->cut_off();
		json_object_put(result);
		return EXIT_FULL_COPY;
	}
	if (!r) {
		r = finish(run, result, &err);
		json_object_put(result);
	}
	if (!r)
		return EXIT_SUCCESS;
	if (run->format->cut_off)
		run->format->cut_off();
	return output_failed() ? EXIT_FAILURE : fail(&err);
}

static int run(const struct command *cmd, int argc, char **argv)
{
	const char *format = NULL, *since = NULL;
	bool json = false;
	struct run run = { };
	struct token token;
	uint32_t era;
	int c;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		switch (c) {
		case 's':
			since = optarg;
			break;
		case 'S':
			run.snapshot = true;
			break;
		case 'f':
			format = optarg;
			break;
		case 'J':
			json = true;
			break;
		}
	}
	if (one_name(cmd, argc, argv))
		return EXIT_USAGE;
	if (!since)
		return usage_error(cmd, "--since ERA or --since TOKEN is missing");
	if (token_from_text(since, &token)) {
		run.token = since;
		era = token.era;
	} else if (era_parse(since, &era)) {
		return usage_error(cmd, "since %s: expected a number from 0 to 4294967294, or a token of 'eractl checkpoint --token'",
				   since);
	}
	if (json && format && strcmp(format, "json"))
		return usage_error(cmd, "got both --json and --format %s, expected one", format);
	run.format = diff_format_find(json ? "json" : format ? format : "table");
	if (!run.format)
		return usage_error(cmd, "format %s: expected table, json, ranges, ddrescue or xml",
				   format);
	run.json = !strcmp(run.format->name, "json");
	run.diff.volume = argv[optind];
	run.diff.since = era;
	return diff(&run);
}

const struct command cmd_diff = {
	.name = "diff",
	.args = "NAME --since ERA|TOKEN [--snapshot] [--format FORMAT] [--json]",
	.summary = "list what was written since an era",
	.text =
	"Lists, in ascending order, exactly the blocks that were written in era ERA\n"
	"or a later one; with ERA 0, the whole volume. With --snapshot, of what was\n"
	"written before 'eractl snapshot take'.\n"
	"\n"
	"  table     for people, with a sum at the end\n"
	"  json      one object: {\"extents\": [{\"offset\", \"length\", \"type\"}, …], …}\n"
	"  ranges    lines of offset and length\n"
	"  ddrescue  a map for ddrescue --domain-mapfile\n"
	"  xml       numbers of blocks, as era_invalidate of Debian 12 prints them\n"
	"\n"
	"All but the lengths in the table and XML are plain numbers of bytes. Use the\n"
	"output only if the exit code is 0: if erad goes away on the way, JSON and XML\n"
	"have no end, and a line \"incomplete\" spoils ranges and maps.\n"
	"\n"
	"Exits with 3 if the metadata does not know the moment that TOKEN names: then\n"
	"only a full copy is complete. JSON has the reason as \"full_copy_due\". Where\n"
	"writes may have gone past erad since ERA, the whole volume is listed, and a\n"
	"line on standard error, and \"gaps\" in JSON, say why.",
	.options = "sSfJ",
	.run = run,
};
