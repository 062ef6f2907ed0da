/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives volumes another size.  May take long, and runs in the thread of the request.  The error
 * sentences do not name the volume: the caller adds its name.
 */
#ifndef ERAD_RESIZE_H
#define ERAD_RESIZE_H

#include <stdint.h>

#include "common/err.h"

struct resized {
	uint64_t had, has;	/* bytes */
	uint32_t era;
};

/*
 * Gives a volume, open or closed, another size.  bytes 0: the size of its origin.  If this fails
 * before the new table is in use, nothing has changed.
 */
int op_resize(const char *name, uint64_t bytes, struct resized *out, struct err *err);

#endif /* ERAD_RESIZE_H */
