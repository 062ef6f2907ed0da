/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The volume thread: serves the batches of writes, and calls the functions of this folder whose
 * context is the volume thread.
 */
#ifndef ERAD_COMMIT_H
#define ERAD_COMMIT_H

#include <stdbool.h>

#include "common/err.h"

struct volume;

/*
 * Starts the volume thread, which takes a reference.  The volume must be in the registry.  expected
 * true: there is no target yet, and the thread waits for one until volume_expect(v, false).  On
 * failure, closes the store of the volume.
 */
int volume_start(struct volume *v, bool expected, struct err *err);

#endif /* ERAD_COMMIT_H */
