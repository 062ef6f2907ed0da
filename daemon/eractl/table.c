// SPDX-License-Identifier: GPL-2.0-or-later
/* Prints a table, or one row as a list: see table.h. */
#include <errno.h>
#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/size.h"
#include "eractl/eractl.h"
#include "eractl/table.h"

static void cell_none(char buf[CELL_MAX])
{
	strcpy(buf, "-");
}

void cell_text(char buf[CELL_MAX], struct json_object *row, const struct column *col)
{
	const char *text = json_text(row, col->key);

	if (text && *text)
		snprintf(buf, CELL_MAX, "%s", text);
	else
		cell_none(buf);
}

void cell_count(char buf[CELL_MAX], struct json_object *row, const struct column *col)
{
	uint64_t n;

	if (json_number(row, col->key, &n))
		snprintf(buf, CELL_MAX, "%" PRIu64, n);
	else
		cell_none(buf);
}

void cell_bytes(char buf[CELL_MAX], struct json_object *row, const struct column *col)
{
	uint64_t n;

	if (json_number(row, col->key, &n))
		size_format(buf, n);
	else
		cell_none(buf);
}

void cell_seconds(char buf[CELL_MAX], struct json_object *row, const struct column *col)
{
	struct json_object *v = json_object_object_get(row, col->key);
	double s = json_object_get_double(v);

	if (!json_object_is_type(v, json_type_int) && !json_object_is_type(v, json_type_double))
		cell_none(buf);
	else if (!(s > 0))
		cell_none(buf);
	else
		snprintf(buf, CELL_MAX, s < 10 ? "%.1f s" : "%.0f s", s);
}

void cell_date(char buf[CELL_MAX], struct json_object *row, const struct column *col)
{
	uint64_t seconds;
	struct tm tm;
	time_t t;

	strcpy(buf, "-");
	if (!json_number(row, col->key, &seconds))
		return;
	t = seconds;
	if (localtime_r(&t, &tm))
		strftime(buf, CELL_MAX, "%F %T", &tm);
}

void cell_percent(char buf[CELL_MAX], struct json_object *row, const struct column *col)
{
	uint64_t part, whole;

	if (json_number(row, col->key, &part) && json_number(row, col->of, &whole) && whole)
		snprintf(buf, CELL_MAX, "%.0f %%", 100.0 * part / whole);
	else
		cell_none(buf);
}

static int fill_cells(struct libscols_table *t, const struct column *cols, struct json_object *rows)
{
	size_t i, j, n = json_object_array_length(rows);
	char buf[CELL_MAX];

	for (j = 0; cols[j].head; j++)
		if (!scols_table_new_column(t, cols[j].head, 0,
					    cols[j].right ? SCOLS_FL_RIGHT : 0))
			return -ENOMEM;
	for (i = 0; i < n; i++) {
		struct libscols_line *l = scols_table_new_line(t, NULL);

		if (!l)
			return -ENOMEM;
		for (j = 0; cols[j].head; j++) {
			cols[j].cell(buf, json_object_array_get_idx(rows, i), &cols[j]);
			if (scols_line_set_data(l, j, buf))
				return -ENOMEM;
		}
	}
	return 0;
}

int table_print(const struct column *cols, struct json_object *rows)
{
	struct libscols_table *t;
	int r;

	scols_init_debug(0);
	t = scols_new_table();
	if (!t)
		return -ENOMEM;
	r = fill_cells(t, cols, rows);
	if (!r)
		r = scols_print_table(t);
	scols_unref_table(t);
	return r;
}

int list_width(const struct column *cols)
{
	int width = 0;

	for (size_t j = 0; cols[j].head; j++)
		if ((int)strlen(cols[j].head) > width)
			width = strlen(cols[j].head);
	return width;
}

void list_print(const struct column *cols, struct json_object *row, int width)
{
	char buf[CELL_MAX];
	size_t j;

	for (j = 0; cols[j].head; j++) {
		cols[j].cell(buf, row, &cols[j]);
		if (!strcmp(buf, "-"))
			continue;
		printf("  %-*s  %s\n", width, cols[j].head, printable(buf));
	}
}
