/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The instance that a volume is attached to.  The volume thread's. */
#ifndef ERAD_LINK_H
#define ERAD_LINK_H

struct volume;

/* Asks the instance for its state. */
int link_refresh(struct volume *v);

#endif /* ERAD_LINK_H */
