// SPDX-License-Identifier: GPL-2.0-or-later
/* Examines the file or device at a path that a user has named: see place_peek.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/files.h"
#include "erad/device/place_peek.h"
#include "erad_format.h"
#include "store/super.h"

/*
 * Reads a page from the disk.  The superblocks may be in the page cache, and then a disk that hangs
 * would seem to work.  If the file system has no O_DIRECT, the read may use the page cache.
 */
static void read_disk(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_DIRECT);
	void *page;

	if (fd < 0 && errno == EINVAL)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	page = aligned_alloc(ERAD_PAGE, ERAD_PAGE);
	/* Only the time that the read takes matters. */
	if (page && pread(fd, page, ERAD_PAGE, 0) < 0)
		errno = 0;
	free(page);
	close(fd);
}

void place_peek(const char *path, enum peek_depth depth, struct peek *out)
{
	struct stat st;
	int fd;

	*out = (struct peek){ 0 };
	if (stat(path, &st)) {
		if (depth == PEEK_WRITE && errno == ENOENT)
			file_try_write(path);
		return;
	}
	out->exists = true;
	out->fs = st.st_dev;
	out->inode = st.st_ino;
	if (S_ISBLK(st.st_mode))
		out->dev = st.st_rdev;
	/* Only the time that this takes matters. */
	if (depth == PEEK_WRITE && !S_ISBLK(st.st_mode))
		file_try_write(path);
	if (depth == PEEK_DEVICE || (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode)))
		return;
	if (depth == PEEK_OPEN) {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0)
			close(fd);
		return;
	}
	out->is_erad = super_peek_uuid(path, out->uuid);
	read_disk(path);
}
