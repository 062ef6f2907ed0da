/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Volumes that are live in the kernel, whether or not erad runs. */
#ifndef ERACTL_LIVE_H
#define ERACTL_LIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "erad_uapi.h"

/*
 * Opens the control node.  Returns its fd, which the caller closes, or a negative errno with err
 * set.
 */
int live_open(struct err *err);

/* Lists all instances.  The caller frees *out. */
int live_list(int control, struct erad_info **out, size_t *nr, struct err *err);

/* Returns whether the instance's device is /dev/mapper/NAME. */
bool live_is_named(const struct erad_info *info, const char *name);

/*
 * Returns EBUSY if a live volume uses the metadata at path, even if erad is dead and no process has
 * the metadata open.  Returns 0 if the module is not loaded.
 *
 * A live volume uses the metadata in two cases.  In the first, path is the volume's metadata in
 * eratab.  In the second, the metadata at path has the volume's UUID, and the metadata in eratab
 * has another UUID.  So a copy of the metadata, beside the original, is not in use.
 */
int live_check_unused(const char *path, struct err *err);

#endif /* ERACTL_LIVE_H */
