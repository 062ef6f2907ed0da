/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Volumes that are live in the kernel, whether or not erad runs. */
#ifndef ERACTL_LIVE_H
#define ERACTL_LIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "erad_uapi.h"

/* A new fd on the control node, the caller's to close; negative errno, and err says so. */
int live_open(struct err *err);

/* All instances; *out is the caller's to free. */
int live_list(int control, struct erad_info **out, size_t *nr, struct err *err);

/* Whether the instance's device is /dev/mapper/NAME. */
bool live_is_named(const struct erad_info *info, const char *name);

/*
 * EBUSY if a live volume has its metadata at path, though erad may be dead and
 * nobody has it open: eratab says so of the volume, or it has the UUID.  A copy of
 * what eratab knows is free.  0 if the module is not loaded.
 */
int live_check_unused(const char *path, struct err *err);

#endif /* ERACTL_LIVE_H */
