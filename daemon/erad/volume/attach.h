/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attaches a volume to an instance.  Context: the volume thread. */
#ifndef ERAD_ATTACH_H
#define ERAD_ATTACH_H

#include <stdbool.h>

struct volume;

/*
 * Lists the instances, and attaches or moves to the best one of the volume.  Returns false if the
 * volume has no instance any more, and none is expected.
 */
bool attach_look(struct volume *v);
/* Closes the instance's fd.  The writes of a fetched batch are held again. */
void attach_let_go(struct volume *v);

#endif /* ERAD_ATTACH_H */
