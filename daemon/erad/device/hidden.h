/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes udev hide the content of a volume's origin, or show it again.  While an origin is hidden,
 * links by UUID and label lead to the volume and not to its origin.  The rules 61-erad-origin.rules
 * hide an origin at each event of the device.
 */
#ifndef ERAD_HIDDEN_H
#define ERAD_HIDDEN_H

#include <stdbool.h>
#include <sys/types.h>

/* Limits, in ms, for the wait while udev processes events. */
#define HIDDEN_BUSY_MS		30000u
/*
 * For a caller that holds LVM's locks.  udev's rules run commands of LVM, which wait for these
 * locks, so udev may be busy until the caller releases the locks.
 */
#define HIDDEN_LOCKED_MS	5000u

/*
 * Call this when dev has become the origin of a volume (origin is true), or is no longer an origin
 * (origin is false).  Triggers udev's events for dev and for its partitions, and waits until udev
 * has processed the event of dev.  Waits up to 5 seconds if udev processes no other event, and up to
 * busy_ms milliseconds otherwise.  After that, logs a warning.  Triggers no event for an origin that
 * is hidden already.  Does nothing if no udev runs, or if dev is 0.
 */
void hidden_update(dev_t dev, bool origin, unsigned int busy_ms);

/*
 * Returns the device whose node or link is path, or 0 if there is no such device.  Call this before
 * path is removed from eratab.
 *
 * udev makes the links of a device at the end of an event.  An event that udev is processing may
 * have read the old eratab.  So if path does not exist, this function waits up to 30 seconds until
 * udev has processed all events.  If udev does not finish in this time, logs what to do, and returns
 * 0.  The time is this long for a boot after an interrupted attach: udev activates the logical volumes
 * on the origin only at the event that the caller triggers for the returned device.
 */
dev_t hidden_find(const char *path);

#endif /* ERAD_HIDDEN_H */
