/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between the kernels that dm-erad builds for, 6.1 and later; each shim names the change it follows. */
#ifndef ERAD_COMPAT_H
#define ERAD_COMPAT_H

#include <linux/blkdev.h>

/* 05bdb9965305 ("block: replace fmode_t with a block-specific type for block open flags"), 6.5 */
#ifndef BLK_OPEN_READ
#define BLK_OPEN_READ	FMODE_READ
#define BLK_OPEN_WRITE	FMODE_WRITE
#endif

#endif /* ERAD_COMPAT_H */
