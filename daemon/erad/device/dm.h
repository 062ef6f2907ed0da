/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device-mapper devices with an erad target: making, removing, looking at them. */
#ifndef ERAD_DM_H
#define ERAD_DM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/eratab.h"
#include "common/err.h"

/* Once, before threads. */
void dm_setup(void);

struct dm_table {
	uint64_t nr_sectors;
	dev_t metadata;		/* 0: a file, "-" */
	dev_t origin;
	uint32_t block_sectors;
	uint8_t uuid[16];
	enum detach_policy policy;
	unsigned int detach_timeout;	/* seconds; 0: the module's default */
};

/*
 * Makes /dev/mapper/NAME and waits until udev has seen it; where there is no
 * udev (or DM_DISABLE_UDEV is set) makes the node itself.  EEXIST.
 */
int dm_create(const char *name, const struct dm_table *t, struct err *err);

/* EBUSY if somebody has it open; says who, if that can be known. */
int dm_remove(const char *name, struct err *err);

/*
 * Loads the live table of NAME once more with another length, in place of
 * what is loaded already; nothing of it is used before dm_swap().  EBUSY while it is
 * suspended, EOPNOTSUPP if its table is not one erad target alone.
 */
int dm_load_size(const char *name, uint64_t nr_sectors, struct err *err);

/*
 * Puts what is loaded into use, in one call of the kernel, so that nobody's
 * death leaves the device suspended; waits for no write that is held, only for
 * what is in flight to the origin.  If it fails, the old table goes on.
 */
int dm_swap(const char *name, struct err *err);

/* Whether a device of that name, of whatever kind, exists; negative errno. */
int dm_exists(const char *name, struct err *err);

/* Whether there is a mapped device with that number, which nobody is removing. */
bool dm_lives(dev_t dev);

#endif /* ERAD_DM_H */
