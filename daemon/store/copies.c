// SPDX-License-Identifier: GPL-2.0-or-later
/* Removes copies of a metadata file that were left by a crash: see copies.h. */
#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "erad_format.h"
#include "store/aside.h"
#include "store/copies.h"

/*
 * Returns whether the file is a copy that nobody uses.  erad writes the superblock in the first
 * page before all other pages of a copy, so a copy begins with zeros or with a superblock.
 */
static bool is_copy(int fd, const uint8_t uuid[16])
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	static const uint8_t zeros[ERAD_SECTOR];
	struct erad_disk_super sb;

	/* A locked copy is in use, by the erad that makes it. */
	if (fcntl(fd, F_OFD_SETLK, &lock) || pread(fd, &sb, sizeof(sb), 0) != sizeof(sb))
		return false;
	if (!memcmp(&sb, zeros, sizeof(sb)))
		return true;
	return !memcmp(sb.magic, ERAD_SUPER_MAGIC, sizeof(sb.magic)) && !memcmp(sb.uuid, uuid, sizeof(sb.uuid));
}

static void remove_copy(const char *copy, const struct stat *metadata, const uint8_t uuid[16])
{
	struct stat st;
	int fd;

	/* With O_NONBLOCK, opening a FIFO does not wait. */
	fd = open(copy, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode)) {
		if (st.st_dev == metadata->st_dev && st.st_ino == metadata->st_ino)
			unlink(copy);	/* a second name of the metadata file itself */
		else if (st.st_nlink == 1 && is_copy(fd, uuid))
			aside_remove(copy, &st);
	}
	close(fd);
}

void copies_remove(const char *path, int fd, const uint8_t uuid[16])
{
	char of_dir[PATH_MAX], of_base[PATH_MAX], copy[PATH_MAX];
	const size_t suffix = strlen(COPY_SUFFIX), fixed = suffix - strlen("XXXXXX");
	const char *base;
	struct dirent *d;
	struct stat st;
	size_t len;
	DIR *dir;

	if (strlen(path) >= PATH_MAX || fstat(fd, &st))
		return;
	strcpy(of_dir, path);
	strcpy(of_base, path);
	base = basename(of_base);
	len = strlen(base);
	dir = opendir(dirname(of_dir));
	if (!dir)
		return;
	while ((d = readdir(dir))) {
		if (strncmp(d->d_name, base, len) || strlen(d->d_name) != len + suffix ||
		    strncmp(d->d_name + len, COPY_SUFFIX, fixed))
			continue;
		if (snprintf(copy, sizeof(copy), "%s%s", path, d->d_name + len) < (int)sizeof(copy))
			remove_copy(copy, &st, uuid);
	}
	closedir(dir);
}
