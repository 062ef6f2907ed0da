// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes udev hide the content of a volume's origin, or show it again: see hidden.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <systemd/sd-device.h>
#include <unistd.h>

#include "common/blockdev.h"
#include "erad/base/log.h"
#include "erad/base/thread.h"
#include "erad/device/hidden.h"

/* Limit, in ms, for the wait while udev processes no event. */
#define IDLE_MS		5000u
#define PAUSE_MS	20

/*
 * The device's file in udev's database.  udev writes a new file at the end of each event of the
 * device.  All fields are zero if there is no file.
 */
struct db_file {
	ino_t inode;
	struct timespec written;
};

static struct db_file look_at_db(dev_t dev)
{
	struct db_file f = { 0 };
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/run/udev/data/b%u:%u", major(dev), minor(dev));
	if (!stat(path, &st)) {
		f.inode = st.st_ino;
		f.written = st.st_mtim;
	}
	return f;
}

static bool is_same_file(struct db_file a, struct db_file b)
{
	return a.inode == b.inode && a.written.tv_sec == b.written.tv_sec && a.written.tv_nsec == b.written.tv_nsec;
}

/*
 * Returns 1 if udev's database has ERAD_ORIGIN for the device, 0 if not.  ENODEV: there is no
 * device.
 */
static int is_hidden(dev_t dev)
{
	const char *volume;
	sd_device *d;
	int hidden;

	if (sd_device_new_from_devnum(&d, 'b', dev) < 0)
		return -ENODEV;
	hidden = sd_device_get_property_value(d, "ERAD_ORIGIN", &volume) >= 0;
	sd_device_unref(d);
	return hidden;
}

static bool udev_runs(void)
{
	return !access("/run/udev/control", F_OK);
}

/* Returns whether udev still processes events. */
static bool udev_is_busy(void)
{
	return !access("/run/udev/queue", F_OK);
}

/* Triggers udev's event `action` for a device.  directory: the device's directory in sysfs. */
static void make_event(const char *directory, const char *action)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/uevent", directory);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, action, strlen(action)) < 0)
		log_warn("udev does not examine the device again, because erad cannot write to %s: %m", path);
	if (fd >= 0)
		close(fd);
}

/*
 * Trigger the disk's event before the events of its partitions, because udev processes them in this
 * order.
 */
static void make_events(dev_t dev, const char *action)
{
	char disk[64], path[sizeof(disk) + sizeof(((struct dirent *)0)->d_name) + sizeof("/partition")];
	struct dirent *d;
	DIR *dir;

	snprintf(disk, sizeof(disk), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	make_event(disk, action);
	dir = opendir(disk);
	while (dir && (d = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s/partition", disk, d->d_name);
		if (*d->d_name == '.' || access(path, F_OK))
			continue;
		snprintf(path, sizeof(path), "%s/%s", disk, d->d_name);
		make_event(path, action);
	}
	if (dir)
		closedir(dir);
}

dev_t hidden_find(const char *path)
{
	const uint64_t end = thread_now_ms() + HIDDEN_BUSY_MS;
	dev_t dev;

	while (!(dev = blockdev_at(path)) && udev_runs() && udev_is_busy()) {
		if (thread_now_ms() >= end) {
			log_warn("%s does not exist, but udev still processes events after %u seconds, and may be about to make it; if its UUID or label has no link when 'udevadm settle' has ended, run 'udevadm trigger --action=add %s'",
				 path, HIDDEN_BUSY_MS / 1000, path);
			break;
		}
		usleep(PAUSE_MS * 1000);
	}
	return dev;
}

/*
 * Logs that udev has not hidden or shown the device within `seconds`.  event_ended: udev has
 * processed an event of the device.
 */
static void log_late(dev_t dev, bool origin, const char *action, bool event_ended, unsigned int seconds)
{
	char name[64];

	if (blockdev_kernel_name(dev, name, sizeof(name)))
		strcpy(name, "?");
	if (event_ended)
		log_warn("udev has processed an event of /dev/%s, but has not %s what is on the device within %u seconds: are the rules 61-erad-origin.rules installed?",
			 name, origin ? "hidden" : "shown", seconds);
	else
		log_warn("waited %u seconds for udev to process the event '%s' of /dev/%s; its content is not %s until udev has processed the event; run 'udevadm settle' to wait for udev",
			 seconds, action, name, origin ? "hidden" : "shown");
}

void hidden_update(dev_t dev, bool origin, unsigned int busy_ms)
{
	const char *action = origin ? "change" : "add";
	const uint64_t began = thread_now_ms();
	struct db_file before;
	uint64_t ms;
	int hidden;

	/* If no udev runs, for example in a container, no program creates or changes links. */
	if (!dev || !udev_runs())
		return;
	before = look_at_db(dev);
	hidden = is_hidden(dev);
	if (hidden < 0 || (origin && hidden))
		return;
	/*
	 * Trigger an event even if the database says that the device is shown.  udev may still be
	 * processing an earlier event, whose rules have found that the device is an origin.  At the
	 * end of that event, udev would write to the database that the device is hidden.  The
	 * action matters, too: LVM's rules activate the volume group of a disk at the event "add",
	 * but not at "change".
	 */
	make_events(dev, action);
	while ((hidden = is_hidden(dev)) >= 0 && (hidden != origin || is_same_file(look_at_db(dev), before))) {
		ms = thread_now_ms() - began;
		/*
		 * If udev is idle after this time, the event has no effect, for example because the
		 * rules are not installed.
		 */
		if (ms >= busy_ms || (ms >= IDLE_MS && !udev_is_busy())) {
			log_late(dev, origin, action, !is_same_file(look_at_db(dev), before), ms / 1000);
			return;
		}
		usleep(PAUSE_MS * 1000);
	}
}
