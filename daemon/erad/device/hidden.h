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

/*
 * Call this when dev has become the origin of a volume (origin is true), or is no longer an origin
 * (origin is false).  Triggers udev's events for dev and for its partitions, and waits up to 5
 * seconds until udev has processed the event of dev.  Triggers no event for an origin that is
 * hidden already.  Does nothing if no udev runs, or if dev is 0.
 */
void hidden_update(dev_t dev, bool origin);

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
