/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes udev hide the content of a volume's origin, or show it again.  Hidden means: links by UUID
 * and label lead to the volume and not to its origin.  The rules 61-erad-origin.rules hide an
 * origin at each event of the device.
 */
#ifndef ERAD_HIDDEN_H
#define ERAD_HIDDEN_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Call this when dev has become the origin of a volume, or, with origin false, when dev is no
 * origin any more.  If udev does not know this yet, makes an event of dev and of its partitions,
 * and waits up to 5 seconds until udev has processed them.  Does nothing if no udev runs, or if dev
 * is 0.
 */
void hidden_update(dev_t dev, bool origin);

#endif /* ERAD_HIDDEN_H */
