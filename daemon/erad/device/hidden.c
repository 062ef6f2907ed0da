// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes udev hide the origin of a volume, or show it again: see hidden.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <systemd/sd-device.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/device/hidden.h"

#define WAIT_MS		5000
#define PAUSE_MS	20

/* Returns whether udev's database has what it should have of the device.  Returns true if there is no device. */
static bool is_known(dev_t dev, bool origin)
{
	const char *volume;
	sd_device *d;
	bool known;

	if (sd_device_new_from_devnum(&d, 'b', dev) < 0)
		return true;
	known = (sd_device_get_property_value(d, "ERAD_ORIGIN", &volume) >= 0) == origin;
	sd_device_unref(d);
	return known;
}

/* directory: that of the device in sysfs. */
static void make_event(const char *directory)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/uevent", directory);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "change", strlen("change")) < 0)
		log_warn("cannot make an event for udev: %s: %m", path);
	if (fd >= 0)
		close(fd);
}

/* udev processes the event of a disk before those of its partitions. */
static void make_events(dev_t dev)
{
	char disk[64], path[sizeof(disk) + sizeof(((struct dirent *)0)->d_name) + sizeof("/partition")];
	struct dirent *d;
	DIR *dir;

	snprintf(disk, sizeof(disk), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	make_event(disk);
	dir = opendir(disk);
	while (dir && (d = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s/partition", disk, d->d_name);
		if (*d->d_name == '.' || access(path, F_OK))
			continue;
		snprintf(path, sizeof(path), "%s/%s", disk, d->d_name);
		make_event(path);
	}
	if (dir)
		closedir(dir);
}

void hidden_update(dev_t dev, bool origin)
{
	const uint64_t end = thread_now_ms() + WAIT_MS;
	char kernel_name[64];

	/* If udev runs without the rules, for example in a container, nobody sees the links either. */
	if (!dev || access("/run/udev/control", F_OK) || is_known(dev, origin))
		return;
	make_events(dev);
	while (!is_known(dev, origin)) {
		if (thread_now_ms() >= end) {
			if (blockdev_kernel_name(dev, kernel_name, sizeof(kernel_name)))
				strcpy(kernel_name, "?");
			log_warn("udev has not %s what is on /dev/%s within %d seconds: are the rules 61-erad-origin.rules installed?",
				 origin ? "hidden" : "shown", kernel_name, WAIT_MS / 1000);
			return;
		}
		usleep(PAUSE_MS * 1000);
	}
}
