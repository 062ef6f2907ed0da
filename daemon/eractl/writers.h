/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The writers of first writes to a volume, as erad has counted them. */
#ifndef ERACTL_WRITERS_H
#define ERACTL_WRITERS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

/*
 * Requests the writers of the volumes in names, which ends with a NULL.  Without a name, requests
 * the writers of all volumes.  *volumes is an array of WRITERS, which common/protocol.h describes;
 * the caller drops the reference.
 */
int writers_ask(char *const *names, struct json_object **volumes, struct err *err);

/*
 * Makes rows from one element of the array, for the eras from `since` on: {"command", "cgroup",
 * "cgroup_id", "cgroup_removed", "others", "blocks", "bytes"}.  The first row is the writer with
 * most blocks.  The caller drops the reference to *rows.  EBADMSG: the answer is not in this
 * format.  EREMOTEIO: erad does not count the writers of this volume, and err says why.
 */
int writers_rows(struct json_object *volume, uint64_t since, struct json_object **rows,
		 struct err *err);

/* Returns the oldest era whose writers were counted, or 0. */
uint64_t writers_oldest(struct json_object *volume);

/* Returns whether a row is the sum of all writers for which the BPF map had no room. */
bool writers_are_others(struct json_object *row);

/*
 * These return a cell of a row, for table.h.  The text is "unknown" for a value that is not known.
 * For a cgroup, it is "removed" if the cgroup was removed, and "id ID" if only its id is known.
 */
struct column;
void writers_cell_command(char *buf, struct json_object *row, const struct column *col);
void writers_cell_cgroup(char *buf, struct json_object *row, const struct column *col);

#endif /* ERACTL_WRITERS_H */
