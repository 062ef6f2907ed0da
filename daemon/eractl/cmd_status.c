// SPDX-License-Identifier: GPL-2.0-or-later
/* eractl status: shows the state of volumes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/client.h"
#include "common/size.h"
#include "eractl/table.h"
#include "eractl/volumes.h"

#define BAR	40	/* length of the longest bar of a histogram, in characters */

static void cell_state(char buf[CELL_MAX], struct json_object *row, const struct column *col)
{
	cell_text(buf, row, col);
	if (json_object_get_boolean(json_object_object_get(row, "suspended")))
		strcat(buf, ", suspended");
	if (json_object_get_boolean(json_object_object_get(row, "detaching")))
		strcat(buf, ", detaching");
}

/* Shows "/dev/mapper/data-image, valid, 3 MiB of 64 MiB used". */
static void cell_image(char buf[CELL_MAX], struct json_object *row, const struct column *col)
{
	struct json_object *image = json_object_object_get(row, col->key);
	const char *device = json_text(image, "device"), *state = json_text(image, "state");
	char used_text[SIZE_TEXT], size_text[SIZE_TEXT];
	uint64_t used, size;

	if (!state)
		snprintf(buf, CELL_MAX, "-");
	else if (json_number(image, "store_used", &used) && json_number(image, "store_size", &size))
		snprintf(buf, CELL_MAX, "%s, %s, %s of %s used", device ? device : "?", state, size_format(used_text, used),
			 size_format(size_text, size));
	else
		snprintf(buf, CELL_MAX, "%s, %s", device ? device : "?", state);
}

static const struct column columns[] = {
	{ "VOLUME", cell_text, "volume", NULL, 0 },
	{ "STATE", cell_state, "state", NULL, 0 },
	{ "ERA", cell_count, "era", NULL, 1 },
	{ "SIZE", cell_bytes, "size", NULL, 1 },
	{ "BLOCK", cell_bytes, "block_size", NULL, 1 },
	{ "HELD", cell_count, "held", NULL, 1 },
	{ "OLDEST", cell_seconds, "oldest_held_seconds", NULL, 1 },
	{ "JOURNAL", cell_percent, "journal_used", "journal_pages", 1 },
	{ }
};

static const struct column details[] = {
	{ "UUID", cell_text, "uuid", NULL, 0 },
	{ "token", cell_text, "token", NULL, 0 },
	{ "tokens since era", cell_count, "timelines_since", NULL, 0 },
	{ "era began", cell_date, "era_time", NULL, 0 },
	{ "last checkpoint", cell_date, "checkpoint_time", NULL, 0 },
	{ "device", cell_text, "device", NULL, 0 },
	{ "origin", cell_text, "origin", NULL, 0 },
	{ "blocks", cell_count, "blocks", NULL, 0 },
	{ "metadata", cell_text, "metadata", NULL, 0 },
	{ "metadata size", cell_bytes, "metadata_size", NULL, 0 },
	{ "journal pages", cell_count, "journal_pages", NULL, 0 },
	{ "journal in use", cell_count, "journal_used", NULL, 0 },
	{ "writes held", cell_count, "held", NULL, 0 },
	{ "oldest held for", cell_seconds, "oldest_held_seconds", NULL, 0 },
	{ "memory of bitmap", cell_bytes, "bitmap_bytes", NULL, 0 },
	{ "writes passed", cell_count, "passed", NULL, 0 },
	{ "writes released", cell_count, "released", NULL, 0 },
	{ "commits", cell_count, "commits", NULL, 0 },
	{ "commit pages", cell_count, "commit_pages", NULL, 0 },
	{ "folds", cell_count, "folds", NULL, 0 },
	{ "changed in era", cell_bytes, "changed_bytes", NULL, 0 },
	{ "in era before", cell_bytes, "changed_before_bytes", NULL, 0 },
	{ "BPF mirror", cell_text, "mirror", NULL, 0 },
	{ "standby", cell_text, "standby", NULL, 0 },
	{ "over-marked", cell_count, "over_marked", NULL, 0 },
	{ "snapshot of era", cell_count, "snapshot_era", NULL, 0 },
	{ "image", cell_image, "image", NULL, 0 },
	{ "all written in era", cell_count, "floor_era", NULL, 0 },
	{ }
};

static const struct column counts[] = {
	{ "held since open", cell_count, "held", NULL, 0 },
	{ "failed", cell_count, "failed", NULL, 0 },
	{ "eras begun", cell_count, "rollovers", NULL, 0 },
	{ }
};

/* Returns the kind of the newest gap in the answer, or "unknown". */
static const char *last_gap(struct json_object *row)
{
	struct json_object *gaps = json_object_object_get(row, "gaps");
	const size_t nr = json_object_is_type(gaps, json_type_array) ? json_object_array_length(gaps) : 0;
	const char *kind = nr ? json_text(json_object_array_get_idx(gaps, nr - 1), "kind") : NULL;

	return kind ? kind : "unknown";
}

static void print_gaps(struct json_object *gaps)
{
	const size_t nr = json_object_is_type(gaps, json_type_array) ? json_object_array_length(gaps) : 0;

	if (nr)
		puts("  gaps, in which writes may have gone past erad");
	for (size_t i = 0; i < nr; i++) {
		struct json_object *g = json_object_array_get_idx(gaps, i);
		const char *kind = json_text(g, "kind"), *detail = json_text(g, "detail");
		char when[32] = "-", line[512];
		uint64_t era, at;
		time_t t;

		if (!json_number(g, "era", &era))
			continue;
		if (json_number(g, "time", &at)) {
			t = at;
			strftime(when, sizeof(when), "%F %T", localtime(&t));
		}
		snprintf(line, sizeof(line), "    era %" PRIu64 "  %s  %s  %s", era, when, kind ? kind : "unknown",
			 detail ? detail : "");
		puts(printable(line));
	}
}

static void print_image_trouble(const char *volume, struct json_object *image)
{
	const char *state = json_text(image, "state");

	if (state && !strcmp(state, "invalid"))
		printf("%s: the image is invalid, because its copy-on-write store is full or failed; the volume goes on; run 'eractl image drop %s' to drop the image\n",
		       volume, volume);
	else if (state && !strcmp(state, "interrupted"))
		printf("%s: a part of an image is there, because a create or a drop was interrupted; run 'eractl image drop %s' to remove it\n",
		       volume, volume);
}

static void print_trouble(struct json_object *row)
{
	const char *volume = json_text(row, "volume"), *error = json_text(row, "error");
	char what[ERR_MAX + 256];
	const char *mirror = json_text(row, "mirror_error"), *events = json_text(row, "events_error");
	const char *state = json_text(row, "state"), *standby = json_text(row, "standby");
	uint64_t n, era;

	if (state && !strcmp(state, "degraded"))
		printf("%s: all writes pass and none is recorded, until erad has attached again; the next increment will be a full one\n",
		       volume ? volume : "?");
	else if (json_number(row, "floor_era", &n) && json_number(row, "era", &era) && n + 1 >= era)
		printf("%s: every block counts as written in era %" PRIu64
		       ", because writes may have gone past erad (%s); the next increment is a full one\n",
		       volume ? volume : "?", n, last_gap(row));
	if (error) {
		snprintf(what, sizeof(what), "%s: %s", volume ? volume : "?", error);
		puts(printable(what));
	}
	if (standby && !strcmp(standby, "serves"))
		printf("%s: erad has died, the standby of erad serves the volume; start erad again\n",
		       volume ? volume : "?");
	print_image_trouble(volume ? volume : "?", json_object_object_get(row, "image"));
	if (mirror) {
		snprintf(what, sizeof(what), "%s: the BPF mirror is degraded: %s", volume ? volume : "?",
			 mirror);
		puts(printable(what));
	}
	if (events) {
		snprintf(what, sizeof(what), "%s: events are not counted: %s", volume ? volume : "?",
			 events);
		puts(printable(what));
	}
	if (json_number(row, "over_marked", &n) && n)
		printf("%s: metadata was damaged: %" PRIu64
		       " blocks count as written, to be safe\n", volume ? volume : "?", n);
}

static const char *time_text(char buf[32], uint64_t ns)
{
	static const char *const unit[] = { "ns", "us", "ms", "s" };
	double t = ns;
	int i = 0;

	for (; t >= 1000 && i < 3; i++)
		t /= 1000;
	snprintf(buf, 32, t < 10 && i ? "%.1f %s" : "%.0f %s", t, unit[i]);
	return buf;
}

/*
 * Prints a bar for each slot of the list.  The list has no slots with the count 0, so the bounds of
 * two neighbours may have a gap between them.
 */
static void print_histogram(const char *head, struct json_object *slots, const char *key)
{
	const size_t nr = json_object_is_type(slots, json_type_array) ?
		json_object_array_length(slots) : 0;
	uint64_t below, count, most = 1;
	char text[32];

	if (nr)
		printf("  %s\n", head);
	for (size_t i = 0; i < nr; i++)
		if (json_number(json_object_array_get_idx(slots, i), "count", &count) && count > most)
			most = count;
	for (size_t i = 0; i < nr; i++) {
		struct json_object *slot = json_object_array_get_idx(slots, i);
		const bool bounded = json_number(slot, key, &below);
		double share;

		if (!json_number(slot, "count", &count))
			continue;
		if (!bounded)
			strcpy(text, "more");
		else if (!strcmp(key, "below_ns"))
			time_text(text, below);
		else
			snprintf(text, sizeof(text), "%" PRIu64, below);
		share = (double)count / most;
		printf("    %s%8s %10" PRIu64 "  %.*s\n", bounded ? "< " : "  ", text, count,
		       (int)(share * BAR + 0.999), "########################################");
	}
}

static void print_events(struct json_object *events)
{
	if (!events)
		return;
	list_print(counts, events, list_width(details));
	print_histogram("writes, by how long they were held",
			json_object_object_get(events, "hold"), "below_ns");
	print_histogram("commits, by how many writes they recorded",
			json_object_object_get(events, "batch"), "below_writes");
}

static int print_volumes(struct json_object *volumes, bool verbose)
{
	size_t i, n = json_object_array_length(volumes);

	if (table_print(columns, volumes))
		return EXIT_FAILURE;
	for (i = 0; i < n; i++)
		print_trouble(json_object_array_get_idx(volumes, i));
	for (i = 0; verbose && i < n; i++) {
		struct json_object *row = json_object_array_get_idx(volumes, i);
		const char *volume = json_text(row, "volume");

		printf("\n%s\n", volume ? volume : "?");
		list_print(details, row, list_width(details));
		print_gaps(json_object_object_get(row, "gaps"));
		print_events(json_object_object_get(row, "events"));
	}
	return EXIT_SUCCESS;
}

static int run_status(const struct command *cmd, int argc, char **argv)
{
	bool json = false, verbose = false;
	int c;

	while ((c = command_getopt(cmd, argc, argv)) != -1) {
		if (c == 'J')
			json = true;
		else if (c == 'v')
			verbose = true;
	}
	if (check_names(cmd, argv + optind))
		return EXIT_USAGE;
	return volumes_show(client_request_volumes("status", argv + optind), json, print_volumes,
			    verbose || optind < argc);
}

const struct command cmd_status = {
	.name = "status",
	.args = "[NAME…] [--verbose] [--json]",
	.summary = "show the state of volumes",
	.text =
	"Shows a line for each volume, and under the table what is wrong with the volumes.\n"
	"With names, or with --verbose, details follow, and histograms of how long\n"
	"writes were held and how many were recorded at once.\n"
	"\n"
	"  STATE     closed, loading, active, failed, detached or degraded. Also suspended;\n"
	"            or detaching: an attach or a detach is under way, or was interrupted\n"
	"  ERA       the current era\n"
	"  BLOCK     the size of a block, the unit of tracking\n"
	"  HELD      writes that wait until erad has recorded their blocks\n"
	"  OLDEST    how long the oldest of these writes has waited\n"
	"  JOURNAL   how full the metadata's journal is; erad empties it in the background",
	.options = "vJ",
	.run = run_status,
};
