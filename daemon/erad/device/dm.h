/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Creates, removes and examines the mapped devices of volumes and of images, and changes their
 * tables.
 */
#ifndef ERAD_DM_H
#define ERAD_DM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/dm_tables.h"
#include "common/eratab.h"
#include "common/err.h"

/* Sets up libdevmapper.  Call this once, before any thread is created. */
void dm_setup(void);

struct dm_table {
	uint64_t nr_sectors;
	/* Number of the metadata device; 0: it is a file, "-" in the table. */
	dev_t metadata;
	dev_t origin;
	uint32_t block_sectors;
	uint8_t uuid[16];
	enum detach_policy policy;
	unsigned int detach_timeout;	/* in seconds; 0: the module's default */
};

/*
 * Creates /dev/mapper/NAME and waits until udev has processed the device.  If no udev runs, or if
 * DM_DISABLE_UDEV is set, creates the node itself.  Fails if a device NAME exists already.
 */
int dm_create(const char *name, const struct dm_table *t, struct err *err);

/*
 * Creates /dev/mapper/NAME as dm_create() does, but with a linear table that maps all of t->origin:
 * see common/below.h.
 */
int dm_create_linear(const char *name, const struct dm_table *t, struct err *err);

/*
 * Creates /dev/mapper/NAME with a table of one line, for an image: see common/image.h.  uuid: the
 * device-mapper UUID of the new device.  udev makes the node, and does not examine the content, so
 * no link by UUID or label leads to the device.
 */
int dm_create_hidden(const char *name, const char *uuid, const struct dm_line *line, bool read_only, struct err *err);

/* Loads the erad table t into the inactive slot of NAME: see dm_load_size(). */
int dm_load(const char *name, const struct dm_table *t, struct err *err);

/*
 * Removes the device.  The kernel may wait for I/O, so erad calls dm_child_remove().  If it is open, tries again for 1.5 seconds, unless its user is known.
 * EBUSY: a program or another device has the device open; err names the user if the user is known.
 * ENXIO: there is no device NAME.
 */
int dm_remove(const char *name, struct err *err);

/*
 * Loads a table into the inactive slot of NAME: the live table with the length nr_sectors.
 * Replaces a table that is already in the slot.  The kernel does not use the new table before
 * dm_child_swap().  ENXIO: there is no device NAME.  EBUSY: the device is suspended.  EOPNOTSUPP: the
 * live table is not exactly one erad target.
 */
int dm_load_size(const char *name, uint64_t nr_sectors, struct err *err);

/* Returns 1 if a mapped device has this name, 0 if none has, or a negative errno. */
int dm_exists(const char *name, struct err *err);

/*
 * Returns 1 if a mapped device has this name and the device-mapper UUID of the volume, 0 if not, or a
 * negative errno.  uuid: the UUID of the metadata.
 */
int dm_is_volume(const char *name, const uint8_t uuid[16], struct err *err);

/*
 * Returns whether a mapped device with this number exists and is not being removed.  Returns true
 * if this cannot be found out.  Does not wait for other calls of this file.
 */
bool dm_lives(dev_t dev);

#endif /* ERAD_DM_H */
