/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the path of a cgroup by its id. */
#ifndef ERACTL_CGROUP_H
#define ERACTL_CGROUP_H

#include <stddef.h>
#include <stdint.h>

/*
 * Writes the path of the cgroup to path; "/" is the root of the default hierarchy.  ENOENT: the
 * cgroup was removed.  EPERM and other errors: the path cannot be found out.
 */
int cgroup_path(uint64_t id, char *path, size_t size);

#endif /* ERACTL_CGROUP_H */
