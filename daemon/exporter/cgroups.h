/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the paths of cgroups by their ids, without privilege. */
#ifndef EXPORTER_CGROUPS_H
#define EXPORTER_CGROUPS_H

#include <json-c/json.h>

/*
 * Returns an object with the path of each cgroup by its id in decimal, for the caller to put.  Looks at so
 * many cgroups at most that it returns soon; those beyond are left out.  NULL: out of memory.
 */
struct json_object *cgroups_read(void);

#endif /* EXPORTER_CGROUPS_H */
