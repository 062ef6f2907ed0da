// SPDX-License-Identifier: GPL-2.0-or-later
/* Volumes that are live in the kernel: see live.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "common/eratab.h"
#include "common/uuid.h"
#include "eractl/live.h"
#include "store/super.h"

#define CONTROL		"/dev/" ERAD_CONTROL_NAME
#define LIST_SLACK	16	/* space for instances that are created between two LIST ioctls */
#define NAME_SIZE	128	/* the kernel's DM_NAME_LEN */

int live_open(struct err *err)
{
	int fd = open(CONTROL, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENXIO || errno == ENODEV)
		return err_set(err, -errno, "%s: %s: dm-erad is not loaded, so no volume is live",
			       CONTROL, strerror(errno));
	return err_set(err, -errno, "%s: %s", CONTROL, strerror(errno));
}

int live_list(int control, struct erad_info **out, size_t *nr, struct err *err)
{
	struct erad_list list = {
		.h.size = sizeof(list),
		.entry_size = sizeof(struct erad_info),
	};
	struct erad_info *infos = NULL;

	for (;;) {
		if (ioctl(control, ERAD_IOC_LIST, &list) < 0) {
			int e = errno;

			free(infos);
			return err_set(err, -e, "%s: cannot list the live volumes: %s", CONTROL,
				       strerror(e));
		}
		if (infos && list.nr <= list.cap)
			break;
		free(infos);
		list.cap = list.nr + LIST_SLACK;
		infos = calloc(list.cap, sizeof(*infos));
		if (!infos)
			return err_set(err, -ENOMEM, "out of memory");
		list.buf = (uintptr_t)infos;
	}
	*out = infos;
	*nr = list.nr;
	return 0;
}

/* Gets the name of the instance's device, or "" if the device was removed. */
static void get_name(const struct erad_info *info, char name[NAME_SIZE])
{
	if (blockdev_attribute(makedev(info->dev_major, info->dev_minor), "dm/name", name, NAME_SIZE))
		*name = 0;
}

bool live_is_named(const struct erad_info *info, const char *name)
{
	char got[NAME_SIZE];

	get_name(info, got);
	return !strcmp(got, name);
}

/*
 * Returns whether one of the two superblocks at path has the UUID, even if the superblock is
 * damaged.
 */
static bool has_uuid(const char *path, const uint8_t uuid[16])
{
	struct erad_disk_super sb[2];

	super_peek(path, sb);
	return !uuid_is_zero(uuid) && (!memcmp(sb[0].uuid, uuid, sizeof(sb[0].uuid)) ||
				       !memcmp(sb[1].uuid, uuid, sizeof(sb[1].uuid)));
}

static bool uses(const struct erad_info *info, const char *path, const struct eratab_entry *e)
{
	if (e && blockdev_same_place(e->metadata, path))
		return true;
	return has_uuid(path, info->uuid) && !(e && has_uuid(e->metadata, info->uuid));
}

int live_check_unused(const char *path, struct err *err)
{
	struct erad_info *infos = NULL;
	struct eratab tab = { };
	size_t i, nr = 0;
	int fd, ret;

	fd = live_open(err);
	if (fd < 0)
		return fd == -ENOENT || fd == -ENXIO || fd == -ENODEV ? 0 : fd;
	ret = live_list(fd, &infos, &nr, err);
	close(fd);
	if (!ret && nr)
		ret = eratab_read(ERAD_TAB, &tab, err);
	for (i = 0; i < nr && !ret; i++) {
		const struct eratab_entry *e;
		char name[NAME_SIZE];

		get_name(&infos[i], name);
		if (eratab_find(&tab, name, &e, NULL))
			e = NULL;
		if (uses(&infos[i], path, e))
			ret = err_set(err, -EBUSY, "%s: this is the metadata of the live volume %s",
				      path, name);
	}
	eratab_free(&tab);
	free(infos);
	return ret;
}
