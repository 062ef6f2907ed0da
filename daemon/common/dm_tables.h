/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads and replaces the tables of mapped devices, by device-mapper's ioctls.  Unlike libdevmapper,
 * these functions have no global state and do not wait for udev, so any thread may call them.  They
 * take devices by number.
 */
#ifndef ERAD_DM_TABLES_H
#define ERAD_DM_TABLES_H

#include <linux/dm-ioctl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

struct dm_line {
	uint64_t start, length;		/* sectors of 512 bytes */
	char type[DM_MAX_TYPE_NAME];
	char *params;
};

/* A mapped device and its live table. */
struct dm_device {
	dev_t dev;
	char name[DM_NAME_LEN], uuid[DM_UUID_LEN];
	bool suspended, read_only;
	bool loaded;			/* the device has an inactive table */
	int open_count;
	struct dm_line *line;
	unsigned int nr;
};

/* Returns the number of /dev/mapper/NAME, or 0 if there is no such device. */
dev_t dm_tables_find(const char *name);

/*
 * Reads the live table.  On success, the caller frees the table with dm_tables_free().  ENXIO: the
 * device does not exist.
 */
int dm_tables_read(dev_t dev, struct dm_device *out, struct err *err);

/*
 * As dm_tables_read(), but params of each line is the status of the target.  Does not wait for I/O.
 */
int dm_tables_status(dev_t dev, struct dm_device *out, struct err *err);
void dm_tables_free(struct dm_device *d);

/*
 * Loads the lines of d as the inactive table of the device.  Replaces an inactive table that the
 * device already has.  The new table is not used before dm_tables_swap().  If `from` is not 0, `to`
 * replaces `from` in the parameters of the lines.
 */
int dm_tables_load(const struct dm_device *d, dev_t from, dev_t to, struct err *err);

/*
 * Loads a table of one linear line, which maps the first nr_sectors of d to the beginning of `to`.
 */
int dm_tables_load_linear(const struct dm_device *d, uint64_t nr_sectors, dev_t to, struct err *err);

/*
 * Makes the inactive table live, by one system call, so the device does not stay suspended if the
 * process dies.  Waits for the I/O in flight.  Does not wait for writes that an erad target of the
 * old table holds, because device-mapper submits held writes to the new table.  Does not freeze a
 * file system.  If this fails, the old table stays in use, and the inactive table is dropped.  Sets
 * *us to the time for which I/O to the device waited, in microseconds.
 */
int dm_tables_swap(const struct dm_device *d, uint64_t *us, struct err *err);

/* dm_tables_swap(), or a function that does the same within a limit of time. */
typedef int dm_swap_fn(const struct dm_device *d, uint64_t *us, struct err *err);

/*
 * As dm_tables_swap(), but first freezes and flushes the file system that is mounted from the
 * device, and waits for held writes.  The file system goes on when the new table is in use.  Only a
 * process that does not serve the held writes may call this.  Uses the heap only after an error.
 */
int dm_tables_swap_frozen(const struct dm_device *d, uint64_t *us, struct err *err);

/*
 * Reads whether the device is suspended, and whether it has an inactive table.  Does not use the
 * heap.
 */
int dm_tables_state(dev_t dev, bool *suspended, bool *loaded, struct err *err);

/*
 * Suspends the device: freezes and flushes the file system that is mounted from it, waits for held
 * writes and for the I/O in flight, and lets later I/O wait.  A signal ends the wait for I/O in
 * flight, but not the freeze.  EINTR: a signal has ended the wait, and the device goes on.  Does
 * nothing if the device is suspended already.  Only a process that does not serve the held writes
 * may call this.  The device stays suspended if the process dies.
 */
int dm_tables_suspend_frozen(dev_t dev, struct err *err);

/*
 * Lets a suspended device go on, after its inactive table has come into use, if there is one.  Does
 * nothing if the device is not suspended and has no inactive table.  Thaws the file system, which
 * may write to the device.
 */
int dm_tables_resume(dev_t dev, struct err *err);

/*
 * Drops the inactive table, and lets the device go on with its old table.  If the inactive table
 * cannot be dropped, the device stays suspended.
 */
int dm_tables_resume_old(dev_t dev, struct err *err);

/*
 * Returns whether the inactive table of d is the live table with `to` in place of `from`, as
 * dm_tables_load() makes it.  Returns false if d has no inactive table, or if the live table does
 * not name `from`.
 */
bool dm_tables_loaded_is(const struct dm_device *d, dev_t from, dev_t to);

/*
 * Returns EBUSY if the device is suspended or has an inactive table, because loading a table and
 * resuming the device would undo what somebody else has begun.
 */
int dm_tables_check_settled(const struct dm_device *d, struct err *err);

/* Drops the inactive table, if there is one.  Returns 0 or a negative errno. */
int dm_tables_clear(const struct dm_device *d);

/* Returns whether a parameter of the line names the device. */
bool dm_line_names(const struct dm_line *l, dev_t dev);

#endif /* ERAD_DM_TABLES_H */
