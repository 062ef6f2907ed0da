/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes the size of volumes.  These functions may take long, and run in the thread of the
 * request.  Error messages do not name the volume, because the caller adds its name.
 */
#ifndef ERAD_RESIZE_H
#define ERAD_RESIZE_H

#include <stdint.h>

#include "common/err.h"

struct resized {
	uint64_t had, has;	/* old and new size in bytes */
	uint32_t era;		/* the current era */
};

/*
 * Changes the size of a volume, open or closed.  bytes 0: the size of its origin.  If this fails
 * before the new table is in use, the volume has its old size.
 */
int op_resize(const char *name, uint64_t bytes, struct resized *out, struct err *err);

#endif /* ERAD_RESIZE_H */
