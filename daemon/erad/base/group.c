// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds the group whose members may look at volumes: see group.h. */
#include <grp.h>
#include <stdio.h>
#include <string.h>

#include "erad/base/group.h"
#include "erad_maps.h"

gid_t group_id(void)
{
	/* Read the file directly, because getgrnam() may wait for a server on the network. */
	FILE *f = fopen("/etc/group", "re");
	struct group *g;
	gid_t id = 0;

	if (!f)
		return 0;
	while ((g = fgetgrent(f)))
		if (!strcmp(g->gr_name, ERAD_MAPS_GROUP))
			id = g->gr_gid;
	fclose(f);
	return id;
}
