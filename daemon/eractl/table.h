/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of an answer as a table, or one row as a list. */
#ifndef ERACTL_TABLE_H
#define ERACTL_TABLE_H

#include <json-c/json.h>
#include <stddef.h>

#define CELL_MAX	4352	/* bytes: a path and some words */

/* One column; `cell` writes the text of a row, "-" where there is nothing to say. */
struct column {
	const char *head;
	void (*cell)(char buf[CELL_MAX], struct json_object *row, const struct column *col);
	const char *key;	/* of the row's member */
	const char *of;		/* for cells that need another: of the whole */
	int right;		/* aligned */
};

void cell_text(char buf[CELL_MAX], struct json_object *row, const struct column *col);
void cell_count(char buf[CELL_MAX], struct json_object *row, const struct column *col);
void cell_bytes(char buf[CELL_MAX], struct json_object *row, const struct column *col);
void cell_seconds(char buf[CELL_MAX], struct json_object *row, const struct column *col);
void cell_percent(char buf[CELL_MAX], struct json_object *row, const struct column *col);

/*
 * Both print on stdout; cols end with a NULL head.  rows is an array of objects.
 * table_print() returns 0 or a negative errno; list_print() leaves out the
 * cells with nothing to say.
 */
int table_print(const struct column *cols, struct json_object *rows);
void list_print(const struct column *cols, struct json_object *row);

#endif /* ERACTL_TABLE_H */
