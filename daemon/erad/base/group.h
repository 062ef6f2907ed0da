/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The group whose members may look at volumes without being root. */
#ifndef ERAD_GROUP_H
#define ERAD_GROUP_H

#include <sys/types.h>

/*
 * Returns the group's id.  If there is no such group, returns 0, the id of root's group.  Reads
 * /etc/group at each call, and no other source.
 */
gid_t group_id(void);

#endif /* ERAD_GROUP_H */
