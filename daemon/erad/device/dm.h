/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Creates, removes and examines device-mapper devices with an erad target. */
#ifndef ERAD_DM_H
#define ERAD_DM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/eratab.h"
#include "common/err.h"

/* Call this once, before any thread is created. */
void dm_setup(void);

struct dm_table {
	uint64_t nr_sectors;
	dev_t metadata;		/* 0: the metadata is a file, and the table has "-" */
	dev_t origin;
	uint32_t block_sectors;
	uint8_t uuid[16];
	enum detach_policy policy;
	unsigned int detach_timeout;	/* seconds; 0: the module's default */
};

/*
 * Creates /dev/mapper/NAME and waits until udev has processed the device.  If there is no udev, or
 * if DM_DISABLE_UDEV is set, creates the node itself.  EEXIST: there is a device NAME.
 */
int dm_create(const char *name, const struct dm_table *t, struct err *err);

/*
 * Removes the device.  EBUSY: a program or another device has it open; err says which, if this can
 * be found out.
 */
int dm_remove(const char *name, struct err *err);

/*
 * Loads the live table of NAME once more, with another length, in place of any table that is loaded
 * already.  The kernel does not use the new table before dm_swap().  EBUSY: the device is
 * suspended.  EOPNOTSUPP: its table is something else than one erad target.
 */
int dm_load_size(const char *name, uint64_t nr_sectors, struct err *err);

/*
 * Puts the loaded table into use, in one call of the kernel, so that the device does not stay
 * suspended if a process dies.  Waits only for the I/O in flight to the origin, and not for held
 * writes.  If this fails, the old table goes on.
 */
int dm_swap(const char *name, struct err *err);

/* Returns 1 if a device with this name exists, of whatever kind; 0 if none does; or a negative errno. */
int dm_exists(const char *name, struct err *err);

/*
 * Whether there is a mapped device with that number, which nobody is removing.  True if this cannot be found out.
 * Never waits for another call of this file.
 */
bool dm_lives(dev_t dev);

#endif /* ERAD_DM_H */
