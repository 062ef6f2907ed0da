/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who wrote blocks of a volume first, as erad has counted it. */
#ifndef ERACTL_WRITERS_H
#define ERACTL_WRITERS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

/*
 * Asks for the volumes of these names, which end with a NULL, or for all if there are
 * none.  *volumes, an array of WRITERS of common/protocol.h, is the caller's to put.
 */
int writers_ask(char *const *names, struct json_object **volumes, struct err *err);

/*
 * One of them as rows, the caller's to put, with those of eras `since` and newer: {"command",
 * "cgroup", "cgroup_id", "cgroup_removed", "others", "blocks", "bytes"}, those with most
 * blocks first.  EBADMSG; EREMOTEIO: none are counted.  err names the volume.
 */
int writers_rows(struct json_object *volume, uint64_t since, struct json_object **rows,
		 struct err *err);

/* The oldest era that is counted; 0: there is none. */
uint64_t writers_oldest(struct json_object *volume);

/* Whether a row is of all that found no room in the map of the kernel. */
bool writers_are_others(struct json_object *row);

/* Cells of a row, for table.h: "unknown" and "removed" where that is so. */
struct column;
void writers_cell_command(char *buf, struct json_object *row, const struct column *col);
void writers_cell_cgroup(char *buf, struct json_object *row, const struct column *col);

#endif /* ERACTL_WRITERS_H */
