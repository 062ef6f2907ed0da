/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The image of a volume as a snapshot of LVM: for a volume whose origin is a logical volume.
 *
 * lvm_image_make() works in this order:
 *
 * 1. It freezes the file system on the volume, if one is mounted.  From then on, this file system
 *    writes nothing.
 * 2. It begins a new era.  All writes of earlier eras have reached the origin.
 * 3. It runs lvcreate, which suspends the origin for a moment and makes the snapshot.
 * 4. It thaws the file system.
 *
 * So the snapshot contains all writes of earlier eras.  If there is no frozen file system, the
 * snapshot may also contain writes of the new era, which the next increment then lists again.
 *
 * The volume's own device is not suspended.  lvcreate reads the label of each block device, also of
 * the volume, and would wait for a suspended device while it holds LVM's lock.  Only writes of a
 * frozen file system wait, and LVM makes none if its directories are on other file systems.
 * lvcreate waits for the writes that erad has sent to the origin; these complete by themselves.
 *
 * If eractl is killed, the guardian of freeze.h thaws the file system, and lvcreate goes on.  If
 * lvcreate is interrupted, too, for example by a power cut, there are three cases: there is the
 * snapshot; there is a logical volume that was to become the snapshot; or there is neither.  The
 * snapshot and this logical volume have the name and the tag by which lvm_image_look() finds them.
 * The volume is as before in each case.
 */
#ifndef ERACTL_LVM_IMAGE_H
#define ERACTL_LVM_IMAGE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/image.h"

#define LVM_IMAGE_SUFFIX	"-erad-image"	/* follows the name of the logical volume */
#define LVM_IMAGE_TAG		"erad-image"
#define LVM_IMAGE_BACKUP_TAG	"erad-backup-"	/* is followed by the number of a backup's image */
#define LVM_IMAGE_NAME		129		/* size of a buffer for a name of LVM */

struct lvm_image {
	char vg[LVM_IMAGE_NAME], lv[LVM_IMAGE_NAME];	/* the origin of the volume */
	bool thin;					/* the origin is a thin volume */
	bool there;					/* there is an image */
	/* The number that eractl backup has drawn for this image; "": another command has made it. */
	char number[IMAGE_NUMBER_SIZE];
	char name[LVM_IMAGE_NAME + sizeof(LVM_IMAGE_SUFFIX)];	/* of the snapshot, without VG */
	char device[sizeof("/dev//") + 2 * LVM_IMAGE_NAME + sizeof(LVM_IMAGE_SUFFIX)];
};

/*
 * Looks at the origin of a volume, and for its image.  origin: a path of the origin.  ENOTBLK: the
 * origin is not a logical volume, or does not exist.  EIO: lvm has failed.
 */
int lvm_image_look(const char *volume, const char *origin, struct lvm_image *out, struct err *err);

/*
 * Gets the STATUS of the volume from erad, and calls lvm_image_look().  On success, the caller drops
 * the reference to *status.  EEXIST: erad has an image of the volume.  Then this function does not
 * run lvm: lvs opens and reads all devices, also the image.  If the copy-on-write store of the image
 * hangs, lvs would wait for the store, and keep the image open, so that erad could not drop it.
 */
int lvm_image_look_at(const char *volume, struct json_object **status, struct lvm_image *out, struct err *err);

/*
 * Looks for the image again, in the volume group that lvm_image_look() has found, and sets `there` and
 * `number`.
 */
int lvm_image_look_again(const char *volume, struct lvm_image *image, struct err *err);

/*
 * Checks that the size of the snapshot fits the kind of the origin.  EINVAL: a thin volume has a size,
 * or another logical volume has none.
 */
int lvm_image_check_size(const char *volume, const struct lvm_image *image, uint64_t size, struct err *err);

struct lvm_image_choice {
	uint64_t size;		/* size of the snapshot in bytes; 0: the origin is a thin volume */
	const char *number;	/* the number that eractl backup has drawn for the image, or NULL */
	int held;		/* lvcreate keeps this file open until it ends; -1: no file */
};

/*
 * Makes the image of an open volume.  status: its STATUS, see protocol.h.  On success, *made is erad's
 * answer to the checkpoint, and the caller drops the reference.  *frozen_ms receives for how long the
 * file system was frozen, in milliseconds, or -1 if no file system was frozen.  The token in *made is
 * not noted yet: see seen_note.h.  If this function fails, there is no image, or err says how to drop
 * the image.
 */
int lvm_image_make(const char *volume, struct json_object *status, const struct lvm_image_choice *choice,
		   struct lvm_image *image, struct json_object **made, long long *frozen_ms, struct err *err);

/*
 * Removes the snapshot, and no other logical volume.  EBUSY: other logical volumes depend on the
 * snapshot, and LVM would remove them, too.  EIO: lvm has failed, for example because the snapshot is
 * in use.
 */
int lvm_image_drop(const char *volume, const struct lvm_image *image, struct err *err);

#endif /* ERACTL_LVM_IMAGE_H */
