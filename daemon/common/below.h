/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device of a volume that lies between a physical volume of LVM and its logical volumes.
 * `eractl attach` makes the device in steps.  After each of the steps 1 to 4, all logical volumes
 * work without erad:
 *
 * 1. eratab contains the line of the volume, with the option "detaching"
 * 2. LVM's configuration contains a reject pattern for the physical volume (lvm_filter.h)
 * 3. /dev/mapper/NAME exists, and maps all of the physical volume with a linear table
 * 4. each logical volume lies on /dev/mapper/NAME
 * 5. an erad table has replaced the linear table: era 1 begins, and every write from then on is
 *    recorded
 * 6. the line of the volume has no option "detaching"
 *
 * A detach undoes these steps in reverse order.  When erad starts, it detaches each volume whose
 * line has the option "detaching".  If the detach fails, erad tries again every few seconds.  So if
 * erad is killed during an attach or a detach, the logical volumes lie on the physical volume in
 * the end.
 */
#ifndef ERAD_BELOW_H
#define ERAD_BELOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/dm_tables.h"
#include "common/err.h"

#define BELOW_MOVES	4

/*
 * Removes the device of a volume from below its logical volumes, in any of the states above.
 * First, a linear table replaces the erad table, so that no write waits for erad.  Then each
 * logical volume is moved to the physical volume.  The device itself remains, and the caller
 * removes it.  If the device is in use then, the caller calls this function again, at most
 * BELOW_MOVES times: LVM still finds the physical volume on the device, so a command of LVM that
 * has waited for LVM's lock may have moved logical volumes to the device again.  Sets *us to the
 * longest time for which I/O waited, in microseconds.  Works without erad.
 *
 * stuck: no erad serves the volume, so writes may wait.  A command of LVM whose write waits keeps
 * LVM's lock.  So if the lock is not free for ten seconds, this function replaces the erad table
 * first, and then waits for the lock again.
 *
 * swap: puts the linear table and the tables of the logical volumes into use.  Its errors are returned:
 * then call below_tracked() to know whether the volume is still tracked.
 *
 * EBUSY: another program uses the device.  ETIMEDOUT: LVM's lock was not free.  After these errors,
 * nothing has changed, unless `stuck` was true and the lock was not free for ten seconds: then the
 * volume is not tracked any more.
 */
int below_detach(dev_t device, bool stuck, dm_swap_fn *swap, uint64_t *us, struct err *err);

/*
 * Takes only the first step of below_detach(): a linear table replaces the erad table.  Sets *us to
 * the time for which I/O waited, in microseconds.
 */
int below_pass(dev_t device, dm_swap_fn *swap, uint64_t *us, struct err *err);

/* Returns whether the live table of the device is an erad table. */
bool below_tracked(dev_t device);

/*
 * Checks that the volume was attached, and not created.  device: the number of the volume's device;
 * 0: there is no device.  EINVAL: no logical volume lies on the device, and LVM's configuration
 * contains no pattern of erad for the origin.
 */
int below_check(dev_t device, const char *name, const char *origin, struct err *err);

/*
 * Checks that there is no device of a volume on the origin.  Call this if there is no device with
 * the volume's name, because somebody may have renamed the device.  EBUSY: there is such a device;
 * err says how to give the device its name back.  Other errors: the devices on the origin cannot be
 * read.
 */
int below_check_renamed(const char *name, const char *origin, struct err *err);

#endif /* ERAD_BELOW_H */
