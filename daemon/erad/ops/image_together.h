/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes images of several volumes at one moment.
 *
 * The promise concerns dependent writes: somebody writes to volume A, waits until this write has
 * completed, and then writes to volume B.  If the write to B is in the image of B, then the write
 * to A is in the image of A.  device/fs_together.h says why: all volumes are suspended before one
 * of them goes on with its new table.
 *
 * Either all volumes get an image, or none.  A note, a file with the names of the volumes, exists
 * from before the first change until all images are complete: see image_note.h.  If erad is killed
 * meanwhile, or cannot undo all changes, erad or the next erad undoes them again and again: see
 * image_together_recover().  This drops only images whose UUID has the number of the note, and what
 * is left without NAME-image; and resumes only volumes that the processes have suspended.  These
 * processes do not depend on erad, so the volumes go on after a limited time also while no erad
 * runs. The note is gone after a reboot, like the images.
 */
#ifndef ERAD_OPS_IMAGE_TOGETHER_H
#define ERAD_OPS_IMAGE_TOGETHER_H

#include <stdint.h>

#include "common/err.h"
#include "erad/ops/image_steps.h"

/*
 * Makes images of nr open volumes, at most FS_TOGETHER_MAX.  Each copy-on-write store is a file of
 * store_size bytes; 0: the default.  On success, m[i].v is a reference to the volume names[i],
 * which the caller drops, and m[i].made is its image.  If this fails, undoes all changes.  The
 * message names the volume that was the reason.  EDEADLK: a volume or its metadata lies on another
 * one.
 */
int op_image_create_together(const char *const *names, unsigned int nr, uint64_t store_size, struct image_making *m,
			     struct err *err);

/*
 * Lets all volumes go on that an interrupted request of an earlier erad has left suspended.  Does
 * not need the volumes, so call this before erad has attached to the targets.  Logs no error,
 * because image_together_recover() tries again.
 */
void image_together_resume(void);

/*
 * Looks for notes that an earlier erad has left, and drops the images of their volumes.  Returns
 * how many notes are left, because they are in use or an image cannot be dropped now: then call
 * this again.  Logs an error only if `log`.
 */
unsigned int image_together_recover(bool log);

#endif /* ERAD_OPS_IMAGE_TOGETHER_H */
