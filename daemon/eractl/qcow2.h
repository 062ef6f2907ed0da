/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A qcow2 file that has a dirty bitmap and no data.  Its backing file is the volume.  A program
 * that opens the qcow2 file reads the volume's data, and finds in the bitmap which blocks were
 * written.
 */
#ifndef ERACTL_QCOW2_H
#define ERACTL_QCOW2_H

#include <stdint.h>

#include "common/err.h"

#define QCOW2_BITMAP	"erad"	/* name of the bitmap */
#define QCOW2_ALIGN	512u	/* all offsets and sizes are multiples of this */

struct qcow2;

/*
 * Makes the file.  EEXIST: there is a file at path.  size: of the volume, in bytes, a multiple of QCOW2_ALIGN.
 * All extents must be multiples of unit, a multiple of QCOW2_ALIGN; then the bitmap is exact, unless the
 * volume is so large that QEMU demands a coarser bitmap.  backing: path of the volume.  The caller calls qcow2_finish() or
 * qcow2_drop().
 */
int qcow2_create(const char *path, uint64_t size, uint64_t unit, const char *backing, struct qcow2 **out,
		 struct err *err);

/* Marks an extent, in bytes.  Extents ascend. */
int qcow2_mark(struct qcow2 *q, uint64_t offset, uint64_t length, struct err *err);

/* Completes the file and makes it durable.  Frees q.  If it fails, removes the file. */
int qcow2_finish(struct qcow2 *q, struct err *err);

/* Removes the file, and frees q.  q may be NULL. */
void qcow2_drop(struct qcow2 *q);

#endif /* ERACTL_QCOW2_H */
