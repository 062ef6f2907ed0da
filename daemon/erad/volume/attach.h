/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which instance a volume is attached to.  The volume thread's. */
#ifndef ERAD_ATTACH_H
#define ERAD_ATTACH_H

#include <stdbool.h>

struct volume;

/*
 * Looks at the instances there are, attaches or moves to the right
 * one.  False if there is none any more and none is expected.
 */
bool attach_look(struct volume *v);
/* Closes the instance fd; what it had fetched is held again. */
void attach_let_go(struct volume *v);

#endif /* ERAD_ATTACH_H */
