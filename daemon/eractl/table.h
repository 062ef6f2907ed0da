/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints rows of an answer as a table, or one row as a list. */
#ifndef ERACTL_TABLE_H
#define ERACTL_TABLE_H

#include <json-c/json.h>
#include <stddef.h>

#define CELL_MAX	4352	/* bytes: a path and some words */

/* One column.  `cell` writes the text of a row's cell, or "-" for an empty cell. */
struct column {
	const char *head;
	void (*cell)(char buf[CELL_MAX], struct json_object *row, const struct column *col);
	const char *key;	/* of the member in the row */
	const char *of;		/* for percentages: key of the member that is 100 percent */
	int right;		/* aligned to the right */
};

void cell_text(char buf[CELL_MAX], struct json_object *row, const struct column *col);
void cell_count(char buf[CELL_MAX], struct json_object *row, const struct column *col);
void cell_bytes(char buf[CELL_MAX], struct json_object *row, const struct column *col);
void cell_seconds(char buf[CELL_MAX], struct json_object *row, const struct column *col);
void cell_percent(char buf[CELL_MAX], struct json_object *row, const struct column *col);

/*
 * Both print to stdout.  cols ends with a NULL head.  rows is an array of objects.
 * table_print() returns 0 or a negative errno.  list_print() leaves out empty cells.
 */
int table_print(const struct column *cols, struct json_object *rows);
void list_print(const struct column *cols, struct json_object *row);

#endif /* ERACTL_TABLE_H */
