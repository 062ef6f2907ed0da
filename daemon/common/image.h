/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images of volumes: read-only views of live volumes at one moment.
 *
 * An image is made of three mapped devices:
 *
 *	/dev/mapper/NAME			the volume: an erad target
 *	  └ /dev/mapper/NAME-image-origin	a snapshot-origin target of dm-snapshot
 *	      └ the origin
 *	/dev/mapper/NAME-image			the image: a snapshot target
 *	  ├ the origin
 *	  └ /dev/mapper/NAME-image-store	the copy-on-write store: a linear target
 *	      └ a block device, from IMAGE_STORE_START on
 *
 * The store contains copies of blocks of the volume, also of superblocks of file systems.  So the
 * store does not begin at the beginning of its device: udev would find the superblocks there, and
 * make links to the device.
 *
 * In device-mapper, the devices have the UUIDs ERAD-UUID-image-origin, ERAD-UUID-image and
 * ERAD-UUID-image-store.  If eractl backup has made the image, its UUID is
 * ERAD-UUID-NUMBER-backup-image in place of ERAD-UUID-image; if it is one of several images of one
 * moment, ERAD-UUID-NUMBER-together-image, where all of them have the same NUMBER.  UUID is the
 * UUID in the table of the volume: the UUID of the metadata, or zeros if the table was made by hand
 * and names no UUID. NUMBER is random, and distinguishes the image from later images.  Nothing on a
 * disk says that there is an image: after a reboot, the mapped devices are gone, and the volume is
 * opened as if there had been no image.
 *
 * While there is an image, the target of the volume names NAME-image-origin as its origin.  The
 * origin of the volume is still the device beneath: erad uses the identity, the seal and the
 * counters of the device that image_beneath() returns.
 */
#ifndef ERAD_IMAGE_H
#define ERAD_IMAGE_H

#include <linux/dm-ioctl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

#define IMAGE_SUFFIX		"-image"
#define IMAGE_BACKUP_SUFFIX	"-backup-image"		/* only in UUIDs, not in names */
#define IMAGE_TOGETHER_SUFFIX	"-together-image"	/* only in UUIDs, not in names */
#define IMAGE_ORIGIN_SUFFIX	"-image-origin"
#define IMAGE_STORE_SUFFIX	"-image-store"

#define IMAGE_NUMBER_SIZE	17u	/* bytes of the number of a backup's image, including the final 0 */
#define IMAGE_STORE_START	2048u	/* in sectors of 512 bytes */

/* Returns whether dev is the device NAME-image-origin of a volume.  Any thread may call this. */
bool image_is_origin(dev_t dev);

/*
 * Returns the device beneath NAME-image-origin, if dev is such a device.  Otherwise returns dev.
 * Any thread may call this.
 */
dev_t image_beneath(dev_t dev);

/*
 * Returns whether the mapped device with this UUID lies on the origin of a volume, because it is
 * the device of the volume, NAME-image-origin or NAME-image.
 */
bool image_uuid_on_origin(const char *dm_uuid);

/*
 * Returns whether the mapped device with this UUID is NAME-image-store.  A store may lie on any
 * device, not only on the origin of a volume.
 */
bool image_uuid_is_store(const char *dm_uuid);

/*
 * If a mapped device is NAME-image-origin or NAME-image, cuts its name to the name of the volume.
 * uuid: the UUID of the device in device-mapper.
 */
void image_cut_name(char *name, const char *uuid);

enum image_state {
	IMAGE_NONE,		/* there is none of the devices */
	IMAGE_VALID,
	IMAGE_INVALID,		/* the copy-on-write store is full, or a write to the store has failed */
	/*
	 * A create or a drop was interrupted: some of the devices exist, but NAME-image does not,
	 * or the volume does not lie on NAME-image-origin.
	 */
	IMAGE_INTERRUPTED,
};

struct image {
	enum image_state state;
	dev_t image, origin, store;	/* numbers of the three devices; 0: the device is missing */
	bool below;			/* the volume lies on NAME-image-origin */
	/* The number that eractl backup has drawn for this image; "": another command has made it. */
	char number[IMAGE_NUMBER_SIZE];
	/* The number of the images that were made together with this one; "": it was made alone. */
	char together[IMAGE_NUMBER_SIZE];
	bool in_use;			/* a program or another device has NAME-image open */
	dev_t store_beneath;		/* the device on which the store lies; 0: not known */
	uint64_t store_size;		/* in bytes */
	uint64_t store_used;		/* in bytes; 0: not known, as in an invalid image */
};

/* Returns "valid", "invalid" and so on, or NULL if there is no image. */
const char *image_state_name(enum image_state state);

/*
 * Draws the random number for an image that eractl backup makes, or for images of one moment.  The
 * number is a text of 16 hexadecimal digits.  Returns 0 or a negative errno.
 */
int image_draw_number(char number[IMAGE_NUMBER_SIZE]);

/* Returns whether the text has the form of a number that image_draw_number() makes. */
bool image_is_number(const char *text);

/* Size of the part of a UUID that follows ERAD-UUID, for an image with a number. */
#define IMAGE_KIND_SIZE	(1 + IMAGE_NUMBER_SIZE - 1 + sizeof(IMAGE_TOGETHER_SUFFIX))

/*
 * Sets kind to this part of the UUID.  number: as image_draw_number() makes it.  suffix:
 * IMAGE_BACKUP_SUFFIX or IMAGE_TOGETHER_SUFFIX.
 */
void image_numbered_kind(const char *number, const char *suffix, char kind[IMAGE_KIND_SIZE]);

/* Sets name to the name of a device of the volume's image.  suffix: one of the suffixes above. */
void image_name(const char *volume, const char *suffix, char name[DM_NAME_LEN]);

/*
 * Looks at the image of a volume.  device: the number of the volume's mapped device, or 0 if the
 * volume has none.  Ignores a device that has one of these names, but was not made by erad.  Does
 * not wait for I/O.  Any thread may call this.
 */
void image_look(const char *volume, dev_t device, struct image *out);

/*
 * Returns EBUSY if the volume has an image, or a device that is left of an image.  The message says
 * how to drop the image first.  device: as for image_look().
 */
int image_refuse(const char *volume, dev_t device, struct err *err);

#endif /* ERAD_IMAGE_H */
