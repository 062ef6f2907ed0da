/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the state of the attached instance.  Context: the volume thread. */
#ifndef ERAD_LINK_H
#define ERAD_LINK_H

struct volume;

/* Copies the instance's state to v->info.  Returns 0 or a negative errno. */
int link_refresh(struct volume *v);

#endif /* ERAD_LINK_H */
