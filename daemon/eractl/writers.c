// SPDX-License-Identifier: GPL-2.0-or-later
/* Gets the writers of a volume from erad, adds up their eras and sorts them: see writers.h. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/client.h"
#include "common/jsonl.h"
#include "eractl/cgroup.h"
#include "eractl/eractl.h"
#include "eractl/table.h"
#include "eractl/volumes.h"
#include "eractl/writers.h"

struct writer {
	/* Name of the command, which belongs to the answer.  "": not known. */
	const char *command;
	uint64_t cgroup;	/* id of the cgroup; 0: not known */
	bool others;
	uint64_t blocks;
};

int writers_ask(char *const *names, struct json_object **volumes, struct err *err)
{
	struct json_object *result;
	int r;

	r = client_call(client_request_volumes("writers", names), NULL, NULL, &result, err);
	if (r)
		return r;
	*volumes = json_object_get(json_object_object_get(result, "volumes"));
	json_object_put(result);
	if (json_object_is_type(*volumes, json_type_array))
		return 0;
	json_object_put(*volumes);
	return err_set(err, -EBADMSG, "the answer of erad cannot be understood: it has no list of volumes");
}

static int by_who(const void *a, const void *b)
{
	const struct writer *x = a, *y = b;

	if (x->others != y->others)
		return x->others ? 1 : -1;
	if (x->cgroup != y->cgroup)
		return x->cgroup < y->cgroup ? -1 : 1;
	return strcmp(x->command, y->command);
}

static int by_blocks(const void *a, const void *b)
{
	const struct writer *x = a, *y = b;

	if (x->blocks != y->blocks)
		return x->blocks > y->blocks ? -1 : 1;
	return by_who(a, b);
}

/*
 * Adds up the entries that a writer has in several eras, and removes entries without blocks.
 * Returns the number of entries that are left, sorted by their blocks, the largest first.
 */
static size_t sum_eras(struct writer *w, size_t nr)
{
	size_t out = 0;

	qsort(w, nr, sizeof(*w), by_who);
	for (size_t i = 0; i < nr; i++) {
		if (out && !by_who(&w[out - 1], &w[i]))
			w[out - 1].blocks += w[i].blocks;
		else if (w[i].blocks)
			w[out++] = w[i];
	}
	qsort(w, out, sizeof(*w), by_blocks);
	return out;
}

static bool parse_writer(struct json_object *o, struct writer *w, uint64_t *era)
{
	const char *command = json_text(o, "command");

	*w = (struct writer) {
		.command = command ? command : "",
		.others = json_object_get_boolean(json_object_object_get(o, "others")),
	};
	json_number(o, "cgroup", &w->cgroup);
	return json_number(o, "blocks", &w->blocks) && json_number(o, "era", era);
}

static struct json_object *make_row(const struct writer *w, uint64_t block_size)
{
	struct json_object *o = json_object_new_object();
	char path[PATH_MAX];
	const int r = w->cgroup ? cgroup_path(w->cgroup, path, sizeof(path)) : -ENODATA;

	json_object_object_add(o, "command", *w->command ? jsonl_text(w->command) : NULL);
	json_object_object_add(o, "cgroup", r ? NULL : jsonl_text(path));
	json_object_object_add(o, "cgroup_id", w->cgroup ? json_object_new_uint64(w->cgroup) : NULL);
	json_object_object_add(o, "cgroup_removed", json_object_new_boolean(r == -ENOENT));
	json_object_object_add(o, "others", json_object_new_boolean(w->others));
	json_object_object_add(o, "blocks", json_object_new_uint64(w->blocks));
	json_object_object_add(o, "bytes", json_object_new_uint64(w->blocks * block_size));
	return o;
}

int writers_rows(struct json_object *volume, uint64_t since, struct json_object **rows,
		 struct err *err)
{
	struct json_object *list = json_object_object_get(volume, "writers");
	const char *name = json_text(volume, "volume"), *error = json_text(volume, "error");
	uint64_t block_size, era;
	struct writer *w;
	size_t i, n, nr = 0;

	if (name && error)
		return err_set(err, -EREMOTEIO, "volume %s: writers are not counted: %s", name,
			       error);
	if (!name)
		return err_set(err, -EBADMSG, "the answer of erad to writers cannot be understood: a volume has no name");
	if (!json_object_is_type(list, json_type_array) || !json_number(volume, "block_size", &block_size))
		return err_set(err, -EBADMSG, "volume %s: the answer of erad to writers cannot be understood: a member is missing", name);
	n = json_object_array_length(list);
	w = calloc(n + 1, sizeof(*w));
	if (!w)
		return err_set(err, -ENOMEM, "out of memory");
	for (i = 0; i < n; i++) {
		if (!parse_writer(json_object_array_get_idx(list, i), &w[nr], &era)) {
			free(w);
			return err_set(err, -EBADMSG,
				       "volume %s: the answer of erad cannot be understood: a writer lacks its blocks or era",
				       name);
		}
		nr += era >= since;
	}
	nr = sum_eras(w, nr);
	*rows = json_object_new_array();
	for (i = 0; i < nr; i++)
		json_object_array_add(*rows, make_row(&w[i], block_size));
	free(w);
	return 0;
}

uint64_t writers_oldest(struct json_object *volume)
{
	struct json_object *list = json_object_object_get(volume, "writers");
	const size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	uint64_t era, oldest = 0;

	for (size_t i = 0; i < n; i++)
		if (json_number(json_object_array_get_idx(list, i), "era", &era) &&
		    (!oldest || era < oldest))
			oldest = era;
	return oldest;
}

bool writers_are_others(struct json_object *row)
{
	return json_object_get_boolean(json_object_object_get(row, "others"));
}

void writers_cell_command(char *buf, struct json_object *row, const struct column *col)
{
	const char *text = json_text(row, col->key);

	snprintf(buf, CELL_MAX, "%s", writers_are_others(row) ? "(others)" : text ? text : "unknown");
}

void writers_cell_cgroup(char *buf, struct json_object *row, const struct column *col)
{
	const char *text = json_text(row, col->key);
	uint64_t id;

	if (json_object_get_boolean(json_object_object_get(row, "cgroup_removed")))
		text = "removed";
	if (writers_are_others(row))
		strcpy(buf, "-");
	else if (!text && json_number(row, "cgroup_id", &id))
		snprintf(buf, CELL_MAX, "id %" PRIu64, id);
	else
		snprintf(buf, CELL_MAX, "%s", text ? text : "unknown");
}
