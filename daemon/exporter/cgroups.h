/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the paths of cgroups by their ids, without privilege. */
#ifndef EXPORTER_CGROUPS_H
#define EXPORTER_CGROUPS_H

#include <json-c/json.h>

/*
 * Returns an object whose keys are the ids of cgroups in decimal, and whose values are their paths.
 * The caller drops the reference.  NULL: out of memory.  Reads only a limited number of cgroups, so
 * that the call returns soon.
 */
struct json_object *cgroups_read(void);

#endif /* EXPORTER_CGROUPS_H */
