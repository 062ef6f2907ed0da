/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether udev hides what is on the origin of a volume, so that UUIDs and labels lead to the volume.
 *
 * The rules 61-erad-origin.rules hide an origin at each event of the device.
 */
#ifndef ERAD_HIDDEN_H
#define ERAD_HIDDEN_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Call this after dev has become the origin of a volume, or, with origin false, when dev is no origin any more.
 * If udev does not know this yet, makes an event of dev and its partitions, and waits up to 5 seconds until udev has
 * processed them.  Where no udev runs, does nothing.  dev 0: nothing, too.
 */
void hidden_update(dev_t dev, bool origin);

#endif /* ERAD_HIDDEN_H */
