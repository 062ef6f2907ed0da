/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moves logical volumes from a physical volume of LVM to another block device, or back.  Only the
 * lowest mapped devices of LVM name the physical volume in their tables, and these tables are
 * linear or striped.  Devices on top of them, for example a thin pool or a snapshot, need no
 * change.
 */
#ifndef ERAD_LVS_H
#define ERAD_LVS_H

#include "common/dm_tables.h"

struct lvs_lock {
	char vg[DM_NAME_LEN];		/* the volume group */
	int fd;
};

struct lvs {
	struct dm_device *lv;
	unsigned int nr;
	dev_t lower, but;		/* an entry of the list that lvs_find() makes */
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
 * Locks the volume groups with LVM's own locks, so that no command of LVM changes a table until the
 * locks are released.  Then lists the devices again, but only those whose live table names `lower`.
 * lvs_free() releases the locks, as does the end of the process.
 *
 * A swap between `lower` and `other` (0: there was none) may have been killed.  This function drops
 * the inactive tables which that swap has loaded: each is the live table of its device, with one of
 * the two names replaced by the other.
 *
 * EBUSY: a lock was not free for ten seconds, or a device is suspended, or a device has another
 * inactive table.  EOPNOTSUPP: a table is not linear or striped, for example that of a running
 * pvmove.
 */
int lvs_lock(struct lvs *l, dev_t other, struct err *err);

/* Loads tables with `to` in place of `from`.  If this fails for one device, no device has an inactive table. */
int lvs_load(struct lvs *l, dev_t from, dev_t to, struct err *err);
/* Drops the inactive tables that lvs_load() has loaded. */
void lvs_clear(const struct lvs *l);

/*
 * Puts the inactive tables into use, one after the other.  If this fails for one device, puts the
 * old tables of all devices back into use.  If that fails too, err names the devices that have a
 * new table.  *us: the longest time that I/O to one of the devices stood still, in microseconds.
 */
int lvs_swap(struct lvs *l, uint64_t *us, struct err *err);

#endif /* ERAD_LVS_H */
