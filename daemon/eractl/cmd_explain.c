// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl explain: shows who wrote the blocks that a diff lists. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/client.h"
#include "common/jsonl.h"
#include "common/size.h"
#include "eractl/table.h"
#include "eractl/volumes.h"
#include "eractl/writers.h"

struct explain {
	const char *volume;
	uint64_t since, era, oldest, block_size;
	/* changed and written are numbers of blocks. */
	uint64_t changed_bytes, changed, written;
	struct json_object *rows;
};

static const struct column explain_columns[] = {
	{ "BLOCKS", cell_count, "blocks", NULL, 1 },
	{ "SIZE", cell_bytes, "bytes", NULL, 1 },
	{ "SHARE", cell_percent, "blocks", "of", 1 },
	{ "COMMAND", writers_cell_command, "command", NULL, 0 },
	{ "CGROUP", writers_cell_cgroup, "cgroup", NULL, 0 },
	{ }
};

/*
 * Keeps the era and the block size from the first part, which is an object.  Ignores the other
 * parts, which are extents.
 */
static int explain_part(void *ctx, struct json_object *part, struct err *err)
{
	struct explain *x = ctx;

	(void)err;
	if (json_object_is_type(part, json_type_object)) {
		json_number(part, "era", &x->era);
		json_number(part, "block_size", &x->block_size);
	}
	return 0;
}

static int ask_diff(struct explain *x, struct err *err)
{
	struct json_object *request = client_request("diff", x->volume), *result;
	const char *due;
	int r;

	json_object_object_add(request, "since", json_object_new_uint64(x->since));
	r = client_call(request, explain_part, x, &result, err);
	if (r)
		return r;
	due = json_text(result, "full_copy_due");
	if (due)
		r = err_set(err, -ESTALE, "volume %s: %s", x->volume, due);
	else if (!x->block_size || !json_number(result, "changed_bytes", &x->changed_bytes))
		r = err_set(err, -EBADMSG, "volume %s: the answer of erad cannot be understood: a member is missing", x->volume);
	else
		x->changed = (x->changed_bytes + x->block_size - 1) / x->block_size;
	json_object_put(result);
	return r;
}

static int explain_writers(struct explain *x, struct err *err)
{
	char *const names[] = { (char *)x->volume, NULL };
	struct json_object *volumes, *volume;
	int r;

	r = writers_ask(names, &volumes, err);
	if (r)
		return r;
	volume = json_object_array_get_idx(volumes, 0);
	json_object_put(x->rows);
	x->rows = NULL;
	r = writers_rows(volume, x->since, &x->rows, err);
	x->oldest = writers_oldest(volume);
	json_object_put(volumes);
	return r;
}

static int ask_both(struct explain *x, struct err *err)
{
	int r = 0;

	if (!x->since) {
		r = explain_writers(x, err);
		x->since = x->oldest ? x->oldest : 1;
	}
	/*
	 * Request the diff before the writers, so that the writers of all blocks of the diff have
	 * been counted.
	 */
	if (!r)
		r = ask_diff(x, err);
	return r ? r : explain_writers(x, err);
}

/*
 * Sets x->written to the sum of the blocks of all rows.  The share of a row is a percentage of this
 * sum.
 */
static void add_up(struct explain *x)
{
	const size_t nr = json_object_array_length(x->rows);
	uint64_t blocks;

	for (size_t i = 0; i < nr; i++)
		if (json_number(json_object_array_get_idx(x->rows, i), "blocks", &blocks))
			x->written += blocks;
}

static uint64_t unaccounted_blocks(const struct explain *x)
{
	return x->changed > x->written ? x->changed - x->written : 0;
}

static void print_blocks(uint64_t nr, uint64_t block_size)
{
	char size[SIZE_TEXT];

	printf("%" PRIu64 " block%s, %s", nr, nr == 1 ? "" : "s", size_format(size, nr * block_size));
}

static int print_table(struct explain *x)
{
	const size_t nr = json_object_array_length(x->rows);

	for (size_t i = 0; i < nr; i++)
		json_object_object_add(json_object_array_get_idx(x->rows, i), "of",
				       json_object_new_uint64(x->written));
	if (nr && table_print(explain_columns, x->rows))
		return EXIT_FAILURE;
	print_blocks(x->changed, x->block_size);
	if (x->since == x->era)
		printf(" changed in era %" PRIu64 "; first writes of ", x->era);
	else
		printf(" changed in eras %" PRIu64 " to %" PRIu64 "; first writes of ", x->since,
		       x->era);
	print_blocks(x->written, x->block_size);
	puts(" are accounted for");
	if (unaccounted_blocks(x)) {
		print_blocks(unaccounted_blocks(x), x->block_size);
		puts(", or more, are not accounted for: erad does not know their writers");
	}
	if (x->oldest > x->since)
		printf("writers are known from era %" PRIu64 " on\n", x->oldest);
	return EXIT_SUCCESS;
}

static void print_explained_json(struct explain *x)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "volume", jsonl_text(x->volume));
	json_object_object_add(o, "since", json_object_new_uint64(x->since));
	json_object_object_add(o, "era", json_object_new_uint64(x->era));
	json_object_object_add(o, "oldest_era", x->oldest ? json_object_new_uint64(x->oldest) : NULL);
	json_object_object_add(o, "block_size", json_object_new_uint64(x->block_size));
	json_object_object_add(o, "changed_blocks", json_object_new_uint64(x->changed));
	json_object_object_add(o, "changed_bytes", json_object_new_uint64(x->changed_bytes));
	json_object_object_add(o, "accounted_blocks", json_object_new_uint64(x->written));
	json_object_object_add(o, "unaccounted_blocks", json_object_new_uint64(unaccounted_blocks(x)));
	json_object_object_add(o, "writers", json_object_get(x->rows));
	print_json(o);
	json_object_put(o);
}

static int run_explain(const struct command *cmd, int argc, char **argv)
{
	struct explain x = { };
	const char *since = NULL;
	int c, code = EXIT_SUCCESS;
	bool json = false;
	struct err err;
	uint32_t era;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 's')
			since = optarg;
		else
			json = true;
	}
	if (one_name(cmd, argc, argv))
		return EXIT_USAGE;
	if (since) {
		if (era_parse(since, &era))
			return usage_error(cmd, "era %s: expected a number from 0 to 4294967294",
					   since);
		/* Era 0 never has writes, so begin with era 1. */
		x.since = era ? era : 1;
	}
	x.volume = argv[optind];
	if (ask_both(&x, &err)) {
		code = fail(&err);
	} else {
		add_up(&x);
		if (json)
			print_explained_json(&x);
		else
			code = print_table(&x);
	}
	json_object_put(x.rows);
	return code;
}

const struct command cmd_explain = {
	.name = "explain",
	.args = "NAME [--since ERA] [--json]",
	.summary = "rank the writers of the blocks written since an era",
	.text =
	"Lists the writers of first writes in era ERA and in all later eras, and\n"
	"compares the sum with 'eractl diff'. Without --since, begins with the oldest\n"
	"era whose writers were counted. A block that was written in several eras\n"
	"counts once in each of them.\n"
	"\n"
	"  COMMAND   the command that submitted the write; kworker stands for the kernel,\n"
	"            which writes on behalf of others\n"
	"  CGROUP    the cgroup of the command; for data in the page cache, the cgroup to\n"
	"            which their memory is charged\n"
	"\n"
	"This is best effort, unlike the diff: see erad(8).",
	.options = "sJ",
	.run = run_explain,
};
