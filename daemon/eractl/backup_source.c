// SPDX-License-Identifier: GPL-2.0-or-later
/* Checks a snapshot of a volume: see backup_source.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "eractl/backup_source.h"
#include "eractl/target_check.h"
#include "eractl/volumes.h"

/* Returns the size of the block device in bytes, or 0 if it cannot be found out. */
static uint64_t device_size(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t size = 0;

	if (fd >= 0 && ioctl(fd, BLKGETSIZE64, &size))
		size = 0;
	if (fd >= 0)
		close(fd);
	return size;
}

static int check_with_status(const char *volume, const struct compared *source, struct json_object *status, struct err *err)
{
	const char *device = json_text(status, "device"), *origin = json_text(status, "origin");
	uint64_t size;

	if (!device || !origin || !json_number(status, "size", &size))
		return err_set(err, -EBADMSG, "volume %s: the answer of erad to status has no device, origin or size", volume);
	if (blockdev_same_place(source->path, device))
		return err_set(err, -EINVAL, "%s is volume %s itself, which may be written after the checkpoint: expected a snapshot, or leave out --device and --to",
			       source->path, volume);
	if (blockdev_same_place(source->path, origin))
		return err_set(err, -EINVAL, "%s is the origin of volume %s, which may be written after the checkpoint: expected a snapshot",
			       source->path, volume);
	/*
	 * The volume may be smaller than its origin, and a snapshot of the origin is as large as
	 * the origin.
	 */
	if (source->size != size && source->size != device_size(origin))
		return err_set(err, -EINVAL, "%s has %" PRIu64 " bytes, expected a snapshot of volume %s with %" PRIu64 " bytes",
			       source->path, source->size, volume, size);
	return target_check_magic(source->path, err);
}

int backup_source_check(const char *volume, const struct compared *source, struct err *err)
{
	struct json_object *status;
	int r = volume_find_status(volume, &status, err);

	if (r)
		return r;
	r = check_with_status(volume, source, status, err);
	json_object_put(status);
	return r;
}
