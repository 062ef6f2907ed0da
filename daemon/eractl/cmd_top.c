// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl top: shows the writers of first writes in the current era, every second. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/jsonl.h"
#include "eractl/table.h"
#include "eractl/volumes.h"
#include "eractl/writers.h"

#define PERIOD	1		/* time between two screens, in seconds */
#define HOME	"\033[H\033[J"	/* escape sequences that clear the terminal */

struct top {
	/* Names of volumes, then a NULL.  No names: all open volumes. */
	char *const *names;
	bool live;			/* true: print every PERIOD until interrupted */
	/* Bytes of each writer at the end of the last period.  NULL: not known. */
	struct json_object *before;
	/* The fields below are about the current period. */
	struct json_object *now;	/* bytes of each writer */
	struct json_object *rows;	/* rows of all volumes */
	struct json_object *volumes;	/* volumes with their rows, for JSON */
	struct json_object *notes;	/* why a volume has no rows */
};

static void cell_rate(char buf[CELL_MAX], struct json_object *row, const struct column *col)
{
	cell_bytes(buf, row, col);
	if (strcmp(buf, "-"))
		strcat(buf, "/s");
}

static const struct column top_columns[] = {
	{ "VOLUME", cell_text, "volume", NULL, 0 },
	{ "ERA", cell_count, "era", NULL, 1 },
	{ "BLOCKS", cell_count, "blocks", NULL, 1 },
	{ "SIZE", cell_bytes, "bytes", NULL, 1 },
	{ "RATE", cell_rate, "rate", NULL, 1 },
	{ "COMMAND", writers_cell_command, "command", NULL, 0 },
	{ "CGROUP", writers_cell_cgroup, "cgroup", NULL, 0 },
	{ }
};

static uint64_t row_number(struct json_object *row, const char *key)
{
	uint64_t n = 0;

	json_number(row, key, &n);
	return n;
}

static int by_rate(const void *a, const void *b)
{
	struct json_object *const *x = a, *const *y = b;
	static const char *const keys[] = { "rate", "bytes" };

	for (size_t i = 0; i < 2; i++) {
		const uint64_t m = row_number(*x, keys[i]), n = row_number(*y, keys[i]);

		if (m != n)
			return m > n ? -1 : 1;
	}
	return 0;
}

/*
 * Keeps the bytes of a row in t->now.  Adds the member "rate" to the row: the bytes per second that
 * were written in the last period.  If the row is new, all its bytes count for the last period.
 * Adds no rate in the first period.
 */
static void add_rate(struct top *t, struct json_object *row)
{
	const char *volume = json_text(row, "volume"), *command = json_text(row, "command");
	const uint64_t bytes = row_number(row, "bytes");
	uint64_t before;
	char who[512];

	snprintf(who, sizeof(who), "%s %" PRIu64 " %" PRIu64 " %s", volume, row_number(row, "era"),
		 row_number(row, "cgroup_id"), writers_are_others(row) ? "" : command ? command : "-");
	json_object_object_add(t->now, who, json_object_new_uint64(bytes));
	if (!t->before)
		return;
	/* If the number is smaller than before, erad has begun to count from 0 again. */
	before = row_number(t->before, who);
	json_object_object_add(row, "rate", json_object_new_uint64(bytes > before ? (bytes - before) / PERIOD : 0));
}

static void copy_member(struct json_object *to, struct json_object *from, const char *key)
{
	json_object_object_add(to, key, json_object_get(json_object_object_get(from, key)));
}

static struct json_object *as_json(struct json_object *volume, struct json_object *rows)
{
	struct json_object *o = json_object_new_object();

	copy_member(o, volume, "volume");
	copy_member(o, volume, "era");
	copy_member(o, volume, "block_size");
	json_object_object_add(o, "writers", rows);
	copy_member(o, volume, "error");
	return o;
}

static int add_volume(struct top *t, struct json_object *volume, struct err *err)
{
	const char *state = json_text(volume, "state");
	struct json_object *rows, *row;
	int r;

	if (!*t->names && state && !strcmp(state, "closed"))
		return 0;
	r = writers_rows(volume, row_number(volume, "era"), &rows, err);
	/*
	 * If all volumes are shown, print the error of this volume as a note, and go on with the
	 * others.
	 */
	if (r == -EREMOTEIO && !*t->names) {
		json_object_array_add(t->notes, jsonl_text(err->msg));
		json_object_array_add(t->volumes, as_json(volume, NULL));
		return 0;
	}
	if (r)
		return r;
	json_object_array_add(t->volumes, as_json(volume, rows));
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		row = NULL;
		json_object_deep_copy(json_object_array_get_idx(rows, i), &row, NULL);
		copy_member(row, volume, "volume");
		copy_member(row, volume, "era");
		add_rate(t, row);
		json_object_array_add(t->rows, row);
	}
	return 0;
}

static int top_writers(struct top *t, struct err *err)
{
	struct json_object *volumes;
	int r;

	r = writers_ask(t->names, &volumes, err);
	if (r)
		return r;
	for (size_t i = 0; i < json_object_array_length(volumes) && !r; i++)
		r = add_volume(t, json_object_array_get_idx(volumes, i), err);
	json_object_put(volumes);
	return r;
}

static int print_top(struct top *t)
{
	const size_t nr = json_object_array_length(t->rows), notes = json_object_array_length(t->notes);
	const size_t lines = terminal_size().ws_row, most = lines > notes + 3 ? lines - notes - 2 : 1;

	json_object_array_sort(t->rows, by_rate);
	if (t->live) {
		fputs(HOME, stdout);
		if (nr > most)
			json_object_array_del_idx(t->rows, most, nr - most);
	}
	if (table_print(top_columns, t->rows))
		return EXIT_FAILURE;
	for (size_t i = 0; i < notes; i++)
		puts(json_object_get_string(json_object_array_get_idx(t->notes, i)));
	return EXIT_SUCCESS;
}

/* Gets the writers from erad, and prints them once.  Returns the exit code. */
static int show_once(struct top *t, bool json)
{
	struct json_object *o;
	struct err err;
	int code;

	t->now = json_object_new_object();
	t->rows = json_object_new_array();
	t->volumes = json_object_new_array();
	t->notes = json_object_new_array();
	if (top_writers(t, &err)) {
		code = fail(&err);
	} else if (json) {
		o = json_object_new_object();
		json_object_object_add(o, "volumes", json_object_get(t->volumes));
		print_json(o);
		json_object_put(o);
		code = EXIT_SUCCESS;
	} else {
		code = print_top(t);
	}
	json_object_put(t->notes);
	json_object_put(t->volumes);
	json_object_put(t->rows);
	json_object_put(t->before);
	t->before = t->now;
	return code;
}

static int run_top(const struct command *cmd, int argc, char **argv)
{
	bool json = false, once = !isatty(STDOUT_FILENO);
	struct top t = { };
	int c, code;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 'O')
			once = true;
		else
			json = true;
	}
	if (check_names(cmd, argv + optind))
		return EXIT_USAGE;
	t.names = argv + optind;
	t.live = !once && !json;
	code = show_once(&t, json);
	while (t.live && !code) {
		fflush(stdout);
		sleep(PERIOD);
		code = show_once(&t, json);
	}
	json_object_put(t.before);
	return code;
}

const struct command cmd_top = {
	.name = "top",
	.args = "[NAME…] [--once] [--json]",
	.summary = "show the writers of first writes in the current era",
	.text =
	"Lists the writers of first writes in the current era, for all volumes or for\n"
	"the named ones. On a terminal, prints the list again each second until it is\n"
	"interrupted. The writers who write most come first. If the output is no terminal,\n"
	"and with --json, prints the list once.\n"
	"\n"
	"  BLOCKS    first writes in this era; later writes to the same block do not count\n"
	"  RATE      bytes of first writes in the last second\n"
	"  COMMAND   the command that submitted the write; kworker stands for the kernel,\n"
	"            which writes on behalf of others\n"
	"  CGROUP    the cgroup of the command; for data in the page cache, the cgroup to\n"
	"            which their memory is charged\n"
	"\n"
	"This is best effort: see erad(8).",
	.options = "OJ",
	.run = run_top,
};
