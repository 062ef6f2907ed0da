/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the devices that use the origin of a volume beside the volume.  Writes through these
 * devices go past the volume.
 *
 * Beside the volume, the kernel's list of holders can contain only mapped devices.  The kernel lets
 * several mapped devices share a device, but while a mapped device uses a disk, the kernel refuses
 * to mount the disk, to swap to it, to add it to an md array, and to do any of this with its
 * partitions.  These functions do not find programs that open the origin without O_EXCL, because no
 * list of the kernel names such a program.
 *
 * Loop devices open the origin without O_EXCL, too.  sysfs shows the path of the file of each loop
 * device.  These functions find a loop device if this path is a node below /dev: the node of the
 * origin, of the whole disk of the origin, or of a partition of the origin.  A read-only loop
 * device is left out if the kernel has counted no write to the loop device.  The kernel does not
 * reset this counter when the loop device gets another file.  So a read-only loop device may be
 * found although nothing was written through it to the origin.
 *
 * A holder is left out if its live table contains only targets of the types linear, striped, error
 * and zero, and one of these is true:
 *
 * - The live table does not name the origin, or there is no live table.  Only the inactive table
 *   uses the origin, and nothing can be written through an inactive table.
 * - The device is read-only, and the kernel has counted no write to it since it was created.  The
 *   flag alone proves nothing: the kernel lets writes through that come from a writable mapped
 *   device on a read-only one, and the device may have been writable before.
 *
 * Targets of other types may write to the origin themselves.  For example, a thin pool that is
 * read-only still lets writes to blocks through that are provisioned.
 */
#ifndef ERAD_HOLDERS_H
#define ERAD_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

#define HOLDERS_TEXT	64u

/* The numbers of mapped devices that erad has made on the origin. */
struct holders_own {
	/* The volume.  0: it has no target of erad, so a device with the volume's UUID is a holder like others. */
	dev_t volume;
	/*
	 * NAME-image and NAME-image-origin while erad is removing these devices, otherwise 0.  While
	 * the kernel removes a device, nobody can read its UUID.
	 */
	dev_t leaving_image, leaving_image_origin;
};

/*
 * Finds the holders of the origin and the loop devices on the origin.  Leaves out the devices that
 * *own names and the devices of the volume's image (common/image.h).  uuid: the UUID that the
 * device-mapper UUIDs of the volume and of its image contain.  Sets text to the first holder that is
 * found, for example "/dev/mapper/vg-data", or "/dev/mapper/vg-data and 2 others", or to "" if there
 * is none.  A long name is cut.  Reads only sysfs, and tables by device-mapper's ioctls, so this
 * function waits for no device.  Any thread may call this.  Returns 0, or a negative errno if the
 * list of holders or of loop devices cannot be read.
 */
int holders_find(dev_t origin, const struct holders_own *own, const uint8_t uuid[16], char text[HOLDERS_TEXT],
		 struct err *err);

/* Returns whether the kernel's list of holders of the origin contains any device. */
bool holders_exist(dev_t origin);

/* Returns whether the kernel's list of holders of the origin has the device `holder`. */
bool holders_have(dev_t origin, dev_t holder);

#endif /* ERAD_HOLDERS_H */
