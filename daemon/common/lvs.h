/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moves logical volumes from a physical volume of LVM to another block device, or back.  Only LVM's
 * lowest mapped devices name the physical volume in their tables, and these tables are linear or
 * striped.  Devices on top of them, for example a thin pool or a snapshot, need no change.
 */
#ifndef ERAD_LVS_H
#define ERAD_LVS_H

#include "common/dm_tables.h"

/* LVM's locks are in this directory, unless LVM's configuration names another one. */
#define LVM_LOCK_DIR	"/run/lock/lvm"

struct lvs_lock {
	char vg[DM_NAME_LEN];		/* the volume group */
	int fd;
};

struct lvs {
	struct dm_device *lv;
	unsigned int nr;
	dev_t lower, but;		/* arguments of lvs_find() */
	/*
	 * NULL, or a volume group that lvs_lock() locks even if the list is empty.  The caller of
	 * lvs_find() sets this field.
	 */
	const char *vg;
	struct lvs_lock *lock;
	unsigned int nr_locks;
};

/*
 * Lists the mapped devices whose live or inactive table names the device `lower`, except the device
 * `but` (0: no exception).  Changes nothing.  EOPNOTSUPP: a device that does not belong to LVM lies
 * on `lower`.  On success, the caller frees the list.
 */
int lvs_find(dev_t lower, dev_t but, struct lvs *out, struct err *err);
void lvs_free(struct lvs *l);

/*
 * Locks l->vg and the volume groups of the listed devices with LVM's own locks, so that no command
 * of LVM changes a table until the locks are released.  Then lists the devices again, but only
 * devices whose live table names `lower`.  The locks are released by lvs_unlock(), by lvs_free(),
 * or by the end of the process.
 *
 * A move between `lower` and `other` (0: there was none) may have been killed.  This function drops
 * the inactive tables that the move has loaded.  The only difference between such an inactive table
 * and the live table of its device is that it has `other` in place of `lower`, or `lower` in place
 * of `other`.
 *
 * ETIMEDOUT: a lock was not free for ten seconds.  EBUSY: a device is suspended, or has another
 * inactive table.  EOPNOTSUPP: a table is not linear or striped, for example that of a running
 * pvmove.
 */
int lvs_lock(struct lvs *l, dev_t other, struct err *err);

/* Releases the locks, and keeps the list. */
void lvs_unlock(struct lvs *l);

/*
 * Compares two lists of one physical volume.  EBUSY: a device was added, is gone, is renamed, or
 * has another table; err names the device.
 */
int lvs_compare(const struct lvs *before, const struct lvs *now, struct err *err);

/*
 * Loads for each device of the list an inactive table: its live table with `to` in place of `from`.
 * If this fails for one device, no device has an inactive table afterwards.
 */
int lvs_load(struct lvs *l, dev_t from, dev_t to, struct err *err);
/* Drops the inactive tables that lvs_load() has loaded. */
void lvs_clear(const struct lvs *l);

/*
 * Makes the inactive tables live, one after the other, with the function swap.  If this fails for one device, makes the old
 * tables of all devices live again.  If this fails too for some devices, err names the last of
 * these devices, which still has its new table.  Sets *us to the longest time for which I/O to one
 * of the devices waited, in microseconds.
 */
int lvs_swap(struct lvs *l, dm_swap_fn *swap, uint64_t *us, struct err *err);

#endif /* ERAD_LVS_H */
