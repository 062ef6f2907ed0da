/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The snapshot of LVM that eractl backup --lvm makes, reads and removes: see lvm_image.h for the order
 * of the steps.
 *
 * Besides the tag of all such snapshots, the snapshot has a tag with the number that this backup has
 * drawn.  So neither the guardian nor a later backup removes a snapshot that a user has made with
 * eractl image create --lvm.  lvcreate keeps the socket to the guardian open.  So if eractl is killed
 * while lvcreate runs, the guardian waits for the end of lvcreate before it looks for the snapshot.
 *
 * The snapshots of all backups of a volume have the same name.  So a backup holds a lock on
 * /run/erad/backup-lvm.NAME, from before it looks for a snapshot that was left until it has removed
 * its own.  Otherwise it could remove the snapshot of a backup that runs.  The guardian does not hold
 * the lock, so after a kill, the next backup and the guardian may remove the snapshot at the same time.
 */
#ifndef ERACTL_BACKUP_LVM_H
#define ERACTL_BACKUP_LVM_H

#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "eractl/backup_image.h"

/*
 * Makes the snapshot of the volume.  size: as for lvm_image_check_size().  Removes a snapshot that a
 * killed backup has left.  EEXIST: there is a snapshot that no backup has made.  EBUSY: another backup
 * of the volume makes or uses a snapshot.  The caller calls backup_lvm_drop() also after an error.
 */
int backup_lvm_make(struct backup_image *b, const char *volume, uint64_t size, struct err *err);

/* Does for a snapshot of LVM what backup_image_check() does for an image of erad. */
int backup_lvm_check(const struct backup_image *b, dev_t dev, struct err *err);

/*
 * Removes the snapshot, if there is one.  No file of this process may have it open.  Otherwise as
 * backup_image_drop().
 */
int backup_lvm_drop(struct backup_image *b, struct err *err);

#endif /* ERACTL_BACKUP_LVM_H */
