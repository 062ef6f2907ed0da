/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks up block devices, by path or by number.  Any thread may call these functions.  They open
 * only files of sysfs, and no device.
 */
#ifndef ERAD_BLOCKDEV_H
#define ERAD_BLOCKDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Returns the number of the block device at path.  0: there is no block device at path. */
dev_t blockdev_at(const char *path);

/*
 * Returns whether both paths lead to the same block device or file.  Returns false if this cannot
 * be found out.
 */
bool blockdev_same_place(const char *a, const char *b);

/*
 * Reads the first line of the device's sysfs attribute, and cuts it to size - 1 bytes.  Returns 0,
 * or a negative errno if the attribute is missing or empty.
 */
int blockdev_attribute(dev_t dev, const char *attribute, char *line, size_t size);

/*
 * As blockdev_attribute(), but for an attribute that only disks have, for example queue/iostats.
 * For a partition, reads the attribute of its disk.
 */
int blockdev_disk_attribute(dev_t dev, const char *attribute, char *line, size_t size);

/*
 * Returns whether the kernel does not count the writes to the device, because queue/iostats of the
 * device or of its disk is 0.  Before Linux 6.5, device-mapper always counts the writes, and
 * queue/iostats of a mapped device is 0 unless somebody has written 1 to it.  Request-based mapped
 * devices, that is, multipath, are an exception: in all versions, the kernel counts their writes if
 * their queue/iostats is 1, and only then.
 */
bool blockdev_counters_off(dev_t dev);

/*
 * Copies to name the kernel's name of the device, which is also the name of its node below /dev.
 * Returns 0 or a negative errno.
 */
int blockdev_kernel_name(dev_t dev, char *name, size_t size);

/*
 * Returns whether a link is a link by UUID or label.  link: its name below /dev.  A link by UUID or
 * label names the content of a device, so a copy of the device has the same link.
 */
bool blockdev_link_names_content(const char *link);

#endif /* ERAD_BLOCKDEV_H */
