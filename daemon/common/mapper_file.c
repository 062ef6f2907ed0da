// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds a regular file in the place of the node of a mapped device: see mapper_file.h. */
#include <errno.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/mapper_file.h"
#include "common/size.h"

bool mapper_file_exists(const char *name, uint64_t *bytes)
{
	char path[sizeof("/dev/" DM_DIR "/") + DM_NAME_LEN];
	struct stat st;

	/*
	 * Use lstat(), because udev may have made a link to the node of the device, and a link is
	 * not a user's file.
	 */
	if (snprintf(path, sizeof(path), "/dev/" DM_DIR "/%s", name) >= (int)sizeof(path) || lstat(path, &st) || !S_ISREG(st.st_mode))
		return false;
	*bytes = st.st_size;
	return true;
}

int mapper_file_refuse(const char *name, struct err *err)
{
	char size[SIZE_EXACT];
	uint64_t bytes;

	if (!mapper_file_exists(name, &bytes))
		return 0;
	return err_set(err, -EEXIST,
		       "/dev/mapper/%s is a regular file of %s in memory, expected no file: a program wrote to this path while there was no device; the next boot removes the file, 'mv /dev/mapper/%s /var/tmp/' keeps it",
		       name, size_exact(size, bytes), name);
}
