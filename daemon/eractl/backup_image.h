/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The image that eractl backup --image, or --lvm, makes and reads.  A separate process, the guardian,
 * drops the image even if eractl ends by an error or by any signal.  If the guardian is killed, too,
 * the next backup drops the image.
 */
#ifndef ERACTL_BACKUP_IMAGE_H
#define ERACTL_BACKUP_IMAGE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"
#include "common/image.h"
#include "eractl/backup_guardian.h"
#include "eractl/lvm_image.h"

struct backup_image {
	const char *volume;
	struct backup_guardian guardian;
	bool there;			/* there is an image */
	bool left;			/* it could not be dropped, and the guardian goes on trying */
	char number[IMAGE_NUMBER_SIZE];	/* the number that was drawn for the image */
	/*
	 * erad's answer to image_create, or to the checkpoint before the snapshot of LVM, or NULL.  The
	 * caller drops the reference at the end.
	 */
	struct json_object *made;
	const char *device, *dm_uuid, *token;	/* belong to `made`, or are in the members below */
	double stood_still;		/* for how long I/O stood still, in seconds */
	/* Only if the image is a snapshot of LVM: */
	int lock;			/* the lock of backup_lvm.h; -1: not taken */
	struct lvm_image lvm;
	char lvm_uuid[DM_UUID_LEN];
	long long frozen_ms;		/* for how long the file system was frozen; -1: none was frozen */
};

#define BACKUP_IMAGE_NONE	{ .guardian = BACKUP_GUARDIAN_NONE, .lock = -1, .frozen_ms = -1 }

/* Draws the number of the image, and starts the guardian. */
int backup_image_begin(struct backup_image *b, const char *volume, const struct backup_guarded *guarded, struct err *err);

/*
 * Makes the image of the volume.  request: the request image_create for this volume, which this
 * function frees.  The caller calls backup_image_drop() also after an error.
 */
int backup_image_make(struct backup_image *b, const char *volume, struct json_object *request, struct err *err);

/*
 * Checks that the device dev, from which the copy was read, is the image that was made, and that the
 * image is still valid.  Call this after the last read, while the device is open: an image that is
 * valid now was valid during all reads.
 */
int backup_image_check(const struct backup_image *b, const char *volume, dev_t dev, struct err *err);

/*
 * Drops the image, if there is one.  No file of this process may have the image open.  If the image
 * cannot be dropped now, leaves it to the guardian, sets b->left and returns an error.  May be called
 * several times.
 */
int backup_image_drop(struct backup_image *b, const char *volume, struct err *err);

#endif /* ERACTL_BACKUP_IMAGE_H */
