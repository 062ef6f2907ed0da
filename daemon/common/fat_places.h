/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the places that most mounts for writing change in FAT32, exfat and NTFS, and the two
 * checkpoints of f2fs.
 *
 * FAT32, exfat and NTFS have no number that changes with each mount.  They note the times of a file in
 * a list of files: FAT32 and exfat in the directory of the file, NTFS in the master file table.  The
 * place is the start of the root directory, or of this table.  So a change of a file in the root
 * directory is usually noticed.  A change of a file in another directory of FAT32 and exfat may not be
 * noticed.
 *
 * f2fs writes a checkpoint with a new version number when it is unmounted after a change.
 */
#ifndef ERAD_FAT_PLACES_H
#define ERAD_FAT_PLACES_H

#include <stddef.h>
#include <stdint.h>

#include "common/fs_places.h"

/* Number of bytes of `head` that fat_places() reads. */
#define FAT_HEAD	2048u

/*
 * Finds the places of the file system that begins at byte `base` of the device, if it is one of
 * these four.  head: its first FAT_HEAD bytes.
 */
void fat_places(const struct fs_reader *r, uint64_t base, const uint8_t *head);

#endif /* ERAD_FAT_PLACES_H */
