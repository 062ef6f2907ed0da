/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cgroups by their ids. */
#ifndef ERACTL_CGROUP_H
#define ERACTL_CGROUP_H

#include <stddef.h>
#include <stdint.h>

/*
 * The path of a cgroup in the default hierarchy, "/" for its root.  ENOENT: there
 * is none any more.  EPERM and others: it cannot be told.
 */
int cgroup_path(uint64_t id, char *path, size_t size);

#endif /* ERACTL_CGROUP_H */
