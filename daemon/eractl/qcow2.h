/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes a qcow2 file that contains a dirty bitmap and no data.  Its backing file is the volume.
 * So a program that opens the qcow2 file reads the volume's data, and sees in the bitmap which
 * blocks were written.
 */
#ifndef ERACTL_QCOW2_H
#define ERACTL_QCOW2_H

#include <stdint.h>

#include "common/err.h"

#define QCOW2_BITMAP	"erad"	/* name of the bitmap in the file */
#define QCOW2_ALIGN	512u	/* offsets and sizes must be multiples of this */

struct qcow2;

/*
 * Creates the file.  EEXIST: path exists.  size: size of the content in bytes, a multiple of
 * QCOW2_ALIGN.  unit: extents begin at multiples of unit, and end at multiples of unit or at the
 * end of the content.  One bit of the bitmap stands for the largest power of two that divides unit,
 * at most 2 GiB, or for more bytes if QEMU demands a coarser bitmap for this size.  backing: path
 * of the volume.  The caller ends with qcow2_finish() or qcow2_drop().
 */
int qcow2_create(const char *path, uint64_t size, uint64_t unit, const char *backing, struct qcow2 **out,
		 struct err *err);

/* Marks an extent as dirty.  The extents ascend; offset and length are in bytes. */
int qcow2_mark(struct qcow2 *q, uint64_t offset, uint64_t length, struct err *err);

/* Completes the file and makes it durable.  Removes the file on failure.  Frees q in any case. */
int qcow2_finish(struct qcow2 *q, struct err *err);

/* Removes the file, and frees q.  q may be NULL. */
void qcow2_drop(struct qcow2 *q);

#endif /* ERACTL_QCOW2_H */
