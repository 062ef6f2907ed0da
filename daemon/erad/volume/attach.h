/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attaches a volume to an instance.  Context: the volume thread. */
#ifndef ERAD_ATTACH_H
#define ERAD_ATTACH_H

#include <stdbool.h>

#include "common/err.h"

struct volume;

/*
 * Lists the instances, and attaches to the best instance of the volume.  Returns false if the
 * volume has no instance, and no instance is expected.
 */
bool attach_look(struct volume *v);

/*
 * Begins a timeline, once for each time that the metadata is opened for a new target.  A target
 * to which an erad was attached before keeps its timeline.  Context: the volume thread, or the thread
 * that opens the volume, before there is a volume thread.
 */
int attach_begin_timeline(struct volume *v, struct err *err);

/* Closes the instance's fd.  If a batch was fetched, the target holds its writes again. */
void attach_let_go(struct volume *v);

#endif /* ERAD_ATTACH_H */
