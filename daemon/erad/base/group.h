/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The group whose members may look at volumes without being root. */
#ifndef ERAD_GROUP_H
#define ERAD_GROUP_H

#include <sys/types.h>

/*
 * Its id, or 0, root's, if there is no such group.  Reads /etc/group each time, and asks
 * nobody else.
 */
gid_t group_id(void);

#endif /* ERAD_GROUP_H */
