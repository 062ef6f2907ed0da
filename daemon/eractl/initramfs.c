// SPDX-License-Identifier: GPL-2.0-or-later
/* What eractl says about the initramfs: see initramfs.h. */
#include <stdio.h>
#include <unistd.h>

#include "eractl/initramfs.h"

void initramfs_note(const char *volume)
{
	if (access("/usr/sbin/update-initramfs", X_OK))
		return;
	printf("%s: run '" INITRAMFS_UPDATE "' before the next boot, because the initramfs has a copy of LVM's configuration\n",
	       volume);
}
