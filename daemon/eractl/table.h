/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints the rows of an answer as a table, or one row as a list. */
#ifndef ERACTL_TABLE_H
#define ERACTL_TABLE_H

#include <json-c/json.h>
#include <stddef.h>

#define CELL_MAX	4352	/* size of a cell's text in bytes: a path and some words */

/* A column.  `cell` returns the text of a row's cell in buf, or "-" for an empty cell. */
struct column {
	const char *head;
	void (*cell)(char buf[CELL_MAX], struct json_object *row, const struct column *col);
	const char *key;	/* key of the member in the row */
	const char *of;		/* for percentages: key of the member that stands for 100 percent */
	int right;		/* 1: align the column to the right */
};

void cell_text(char buf[CELL_MAX], struct json_object *row, const struct column *col);
void cell_count(char buf[CELL_MAX], struct json_object *row, const struct column *col);
void cell_bytes(char buf[CELL_MAX], struct json_object *row, const struct column *col);
void cell_seconds(char buf[CELL_MAX], struct json_object *row, const struct column *col);
/*
 * For a member that is a number of seconds since 1970: shows the date in the time zone of the user.
 */
void cell_date(char buf[CELL_MAX], struct json_object *row, const struct column *col);
void cell_percent(char buf[CELL_MAX], struct json_object *row, const struct column *col);

/*
 * table_print() prints the rows, an array of objects, as a table.  It returns 0 or a negative
 * errno.  list_print() prints one row as a list, without its empty cells.  Both print to stdout.
 * The last column has a NULL head.  Lists that are printed with the same width line up.
 */
int table_print(const struct column *cols, struct json_object *rows);

/*
 * Returns the width of the widest head, in characters.  It is the width that list_print() needs for
 * these columns.
 */
int list_width(const struct column *cols);
void list_print(const struct column *cols, struct json_object *row, int width);

#endif /* ERACTL_TABLE_H */
