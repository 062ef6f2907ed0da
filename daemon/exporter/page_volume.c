// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes the section of one volume: see page_volume.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/members.h"
#include "exporter/html.h"
#include "exporter/page_volume.h"

#define CELL		10u	/* width and height of a cell of the map, in units of the picture */
#define COLUMNS_MAX	256u
#define CELLS_MAX	65536u
#define AGES		7u	/* number of colours for ages in the style sheet */
#define WRITERS_SHOWN	10u
#define GAPS_SHOWN	8u

static size_t array_length(struct json_object *o)
{
	return json_object_is_type(o, json_type_array) ? json_object_array_length(o) : 0;
}

/* Returns the member of o, or NULL if o is not an object. */
static struct json_object *member(struct json_object *o, const char *key)
{
	return json_object_is_type(o, json_type_object) ? json_object_object_get(o, key) : NULL;
}

static void put_fact(FILE *f, const char *what, const char *text)
{
	fprintf(f, "<div><dt>%s</dt><dd>", what);
	html_text(f, text ? text : "not known");
	fputs("</dd></div>\n", f);
}

static void put_facts(FILE *f, struct json_object *status)
{
	static const struct {
		const char *what, *key;
	} sizes[] = {
		{ "Size", "size" }, { "Block", "block_size" }, { "Changed in the era before", "changed_before_bytes" },
	};
	uint64_t n;

	fputs("<dl>\n", f);
	put_fact(f, "Device", json_text(status, "device"));
	put_fact(f, "Origin", json_text(status, "origin"));
	put_fact(f, "Metadata", json_text(status, "metadata"));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		if (!json_number(status, sizes[i].key, &n))
			continue;
		fprintf(f, "<div><dt>%s</dt><dd>", sizes[i].what);
		html_size(f, n);
		fputs("</dd></div>\n", f);
	}
	fputs("</dl>\n", f);
}

/* ---- the map ---- */

static void put_cells(FILE *f, const char *cells, uint64_t columns)
{
	const size_t nr = strnlen(cells, CELLS_MAX);

	for (size_t i = 0, n; i < nr; i += n) {
		const size_t x = i % columns;

		/* Draw adjacent cells of one age as one rectangle. */
		for (n = 1; x + n < columns && i + n < nr && cells[i + n] == cells[i]; n++)
			;
		fprintf(f, "<rect class=\"a%c\" x=\"%zu\" y=\"%zu\" width=\"%zu\" height=\"%u\"/>\n",
			cells[i] >= '0' && cells[i] < (char)('0' + AGES) ? cells[i] : 'n', x * CELL, i / columns * CELL,
			n * CELL, CELL);
	}
}

static void put_swatch(FILE *f, char age)
{
	fprintf(f, "<td class=\"swatch\"><svg width=\"14\" height=\"14\" aria-hidden=\"true\"><rect class=\"a%c\" width=\"14\" height=\"14\"/></svg></td>",
		age);
}

/*
 * Writes the legend of the map.  The map may be older than the status.  era: the current era in the
 * status.
 */
static void put_legend(FILE *f, struct json_object *map, uint64_t era)
{
	struct json_object *ages = member(map, "ages");
	uint64_t newest, oldest, bytes, size, rest;

	json_number(map, "size", &size);
	rest = size;
	fputs("<table class=\"legend\"><caption>Last written</caption>\n"
	      "<thead><tr><th scope=\"col\"><span class=\"hidden\">Colour</span></th><th scope=\"col\">In</th>"
	      "<th scope=\"col\" class=\"number\">Size</th></tr></thead>\n<tbody>\n", f);
	for (size_t i = 0; i < array_length(ages) && i < AGES; i++) {
		struct json_object *age = json_object_array_get_idx(ages, i);

		if (!json_object_is_type(age, json_type_object) || !json_number(age, "newest", &newest) ||
		    !json_number(age, "oldest", &oldest) || !json_number(age, "bytes", &bytes))
			continue;
		fputs("<tr>", f);
		put_swatch(f, '0' + i);
		if (newest == oldest)
			fprintf(f, "<th scope=\"row\">era %" PRIu64 "%s</th>", newest,
				newest == era ? ", the current one" : "");
		else
			fprintf(f, "<th scope=\"row\">eras %" PRIu64 " to %" PRIu64 "</th>", oldest, newest);
		fputs("<td class=\"number\">", f);
		html_size(f, bytes);
		fputs("</td></tr>\n", f);
		rest = rest > bytes ? rest - bytes : 0;
	}
	fputs("<tr>", f);
	put_swatch(f, 'n');
	fputs("<th scope=\"row\">never written</th><td class=\"number\">", f);
	html_size(f, rest);
	fputs("</td></tr>\n</tbody></table>\n", f);
}

static void put_map(FILE *f, const struct page *p, const char *volume, struct json_object *status)
{
	struct json_object *map = member(p->maps, volume);
	const char *cells = json_object_is_type(map, json_type_object) ? json_text(map, "cells") : NULL;
	uint64_t columns, time, size, era = 0;

	fputs("<h3>Map</h3>\n", f);
	if (!cells || !json_number(map, "columns", &columns) || !columns || columns > COLUMNS_MAX ||
	    !json_number(map, "size", &size)) {
		const char *error = json_object_is_type(map, json_type_object) ? json_text(map, "error") : NULL;

		fputs("<p>There is no map: ", f);
		html_text(f, error ? error : "erad sent no map");
		fputs(".</p>\n", f);
		return;
	}
	fprintf(f, "<p class=\"note\">From the beginning of the volume, top left, to its end. The newest write of each part counts.");
	if (json_number(map, "time", &time)) {
		fputs(" As it was ", f);
		html_duration(f, p->now > time ? p->now - time : 0);
		fputs(" ago; erad reads it once a minute at most.", f);
	}
	fputs("</p>\n<div class=\"map\">\n", f);
	fprintf(f, "<svg role=\"img\" viewBox=\"0 0 %" PRIu64 " %" PRIu64 "\" shape-rendering=\"crispEdges\"><title>Map of ",
		columns * CELL, (strnlen(cells, CELLS_MAX) + columns - 1) / columns * CELL);
	html_text(f, volume);
	fputs(" by the age of its blocks; the table beside it shows the sizes</title>\n", f);
	put_cells(f, cells, columns);
	fputs("</svg>\n", f);
	json_number(status, "era", &era);
	put_legend(f, map, era);
	fputs("</div>\n", f);
}

/* ---- writers ---- */

struct writer {
	struct json_object *o;
	uint64_t blocks;
};

static int by_row_blocks(const void *a, const void *b)
{
	const struct writer *x = a, *y = b;

	return x->blocks < y->blocks ? 1 : x->blocks > y->blocks ? -1 : 0;
}

/*
 * Returns the writers of the current era, sorted by blocks, the largest first.  Sets *all to the
 * sum of their blocks.  NULL: out of memory.
 */
static struct writer *sort_writers(struct json_object *list, uint64_t era, size_t *nr, uint64_t *all)
{
	struct writer *w = calloc(array_length(list) + 1, sizeof(*w));
	uint64_t of, blocks;

	*nr = *all = 0;
	for (size_t i = 0; w && i < array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (!json_object_is_type(o, json_type_object) || !json_number(o, "era", &of) || of != era ||
		    !json_number(o, "blocks", &blocks) || !blocks || __builtin_add_overflow(*all, blocks, all))
			continue;
		w[(*nr)++] = (struct writer){ o, blocks };
	}
	if (w)
		qsort(w, *nr, sizeof(*w), by_row_blocks);
	return w;
}

static void put_writer(FILE *f, const struct page *p, const struct writer *w, uint64_t all, uint64_t block_size)
{
	const bool others = json_object_get_boolean(json_object_object_get(w->o, "others"));
	const char *command = json_text(w->o, "command"), *path = NULL;
	uint64_t id, bytes;
	char key[24];

	if (json_number(w->o, "cgroup", &id)) {
		snprintf(key, sizeof(key), "%" PRIu64, id);
		path = json_object_is_type(p->cgroups, json_type_object) ? json_text(p->cgroups, key) : NULL;
		path = path ? path : "removed, or not seen from here";
	}
	fputs("<tr><th scope=\"row\">", f);
	html_text(f, others ? "all others" : command ? command : "unknown");
	fputs("</th><td>", f);
	html_text(f, path ? path : others ? "" : "unknown");
	fprintf(f, "</td><td class=\"number\">%" PRIu64 "</td><td class=\"number\">", w->blocks);
	if (!__builtin_mul_overflow(w->blocks, block_size, &bytes))
		html_size(f, bytes);
	fprintf(f, "</td><td class=\"number\">%.0f %%</td></tr>\n", 100.0 * (double)w->blocks / (double)all);
}

static void put_writers(FILE *f, const struct page *p, const char *volume)
{
	struct json_object *o = member(p->writers, volume);
	uint64_t era = 0, block_size = 0, all;
	struct writer *w;
	size_t nr;

	fputs("<h3>Top writers in this era</h3>\n", f);
	if (!json_object_is_type(o, json_type_object) || !json_number(o, "era", &era) ||
	    !json_number(o, "block_size", &block_size) || json_text(o, "error")) {
		const char *error = json_object_is_type(o, json_type_object) ? json_text(o, "error") : NULL;

		fputs("<p>Writers are not known: ", f);
		html_text(f, error ? error : "erad sent no list of writers");
		fputs(".</p>\n", f);
		return;
	}
	w = sort_writers(json_object_object_get(o, "writers"), era, &nr, &all);
	if (!w || !nr) {
		fputs("<p>No first write was counted in this era.</p>\n", f);
		free(w);
		return;
	}
	fputs("<table><thead><tr><th scope=\"col\">Command</th><th scope=\"col\">Cgroup</th>"
	      "<th scope=\"col\" class=\"number\">Blocks</th><th scope=\"col\" class=\"number\">Size</th>"
	      "<th scope=\"col\" class=\"number\">Share</th></tr></thead>\n<tbody>\n", f);
	for (size_t i = 0; i < nr && i < WRITERS_SHOWN; i++)
		put_writer(f, p, &w[i], all, block_size);
	fputs("</tbody></table>\n", f);
	if (nr > WRITERS_SHOWN)
		fprintf(f, "<p class=\"note\">%zu more wrote less.</p>\n", nr - WRITERS_SHOWN);
	free(w);
}

/* ---- gaps ---- */

static void put_gaps(FILE *f, struct json_object *status)
{
	struct json_object *gaps = json_object_object_get(status, "gaps");
	const size_t nr = array_length(gaps);
	uint64_t era, time;

	fputs("<h3>Gaps</h3>\n", f);
	if (!gaps) {
		fputs("<p>Not known while the volume is closed.</p>\n", f);
		return;
	}
	if (!nr) {
		fputs("<p>None was noticed. erad(8) says which gaps are not noticed.</p>\n", f);
		return;
	}
	fputs("<p class=\"note\">Writes may have gone past erad then. Every block counts as written in the era of the gap.</p>\n"
	      "<table><thead><tr><th scope=\"col\">Noticed</th><th scope=\"col\" class=\"number\">Era</th>"
	      "<th scope=\"col\">Kind</th><th scope=\"col\">Detail</th></tr></thead>\n<tbody>\n", f);
	for (size_t i = nr; i > 0 && nr - i < GAPS_SHOWN; i--) {
		struct json_object *g = json_object_array_get_idx(gaps, i - 1);

		if (!json_object_is_type(g, json_type_object))
			continue;
		fputs("<tr><th scope=\"row\">", f);
		if (json_number(g, "time", &time))
			html_time(f, time);
		else
			fputs("unknown", f);
		fputs("</th><td class=\"number\">", f);
		if (json_number(g, "era", &era))
			fprintf(f, "%" PRIu64, era);
		fputs("</td><td>", f);
		html_text(f, json_text(g, "kind") ?: "unknown");
		fputs("</td><td>", f);
		html_text(f, json_text(g, "detail") ?: "");
		fputs("</td></tr>\n", f);
	}
	fputs("</tbody></table>\n", f);
}

void page_volume(FILE *f, const struct page *p, size_t number, struct json_object *status)
{
	static const struct {
		const char *key, *what;
	} troubles[] = {
		{ "error", "" }, { "mirror_error", "The BPF mirror is degraded: " }, { "events_error", "Events are not counted: " },
	};
	const char *volume = json_text(status, "volume"), *state = json_text(status, "state");

	fprintf(f, "<section id=\"v%zu\" aria-labelledby=\"h%zu\">\n<h2 id=\"h%zu\">", number, number, number);
	html_text(f, volume);
	fputs("</h2>\n", f);
	for (size_t i = 0; i < sizeof(troubles) / sizeof(*troubles); i++) {
		const char *text = json_text(status, troubles[i].key);

		if (!text)
			continue;
		fprintf(f, "<p class=\"trouble\">%s", troubles[i].what);
		html_text(f, text);
		fputs("</p>\n", f);
	}
	put_facts(f, status);
	if (!state || strcmp(state, "closed")) {
		put_map(f, p, volume, status);
		put_writers(f, p, volume);
	}
	put_gaps(f, status);
	fputs("</section>\n", f);
}
