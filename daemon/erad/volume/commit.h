/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The volume thread: it serves the batches of writes, and calls the parts that do all else. */
#ifndef ERAD_COMMIT_H
#define ERAD_COMMIT_H

#include <stdbool.h>

#include "common/err.h"

struct volume;

/*
 * Starts the volume thread, which takes a reference.  The volume must be in
 * the registry.  expected: there is no target yet, wait until volume_expect(v, false).
 * On failure the store is closed, and the volume has none.
 */
int volume_start(struct volume *v, bool expected, struct err *err);

#endif /* ERAD_COMMIT_H */
