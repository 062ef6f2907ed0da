/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the places of the file systems in the logical volumes of a physical volume, as fs_places.h
 * does for a file system that begins at a known byte of the device.
 *
 * LVM's metadata on the device says where the logical volumes lie (pv_layout.h).  The tables of
 * mapped devices are not used, because the logical volumes are not active when a seal is made.
 * Only the choice of the places depends on LVM's metadata; the hashes do not.  So wrong or old
 * metadata may leave a place out, but cannot cause a false alarm.
 *
 * These logical volumes are left out: those whose first byte is on another physical volume; thin
 * ones, and others that are not made of linear and striped segments; and all logical volumes if the
 * device has no metadata of LVM, or if their text is longer than PV_TEXT_MAX.
 */
#ifndef ERAD_LV_PLACES_H
#define ERAD_LV_PLACES_H

#include <stdint.h>

#include "common/fs_places.h"

/*
 * Size in bytes of the place at the start of a logical volume.  The size is less than FS_HEAD, so
 * that there is space for many logical volumes.
 */
#define LV_HEAD	(16u << 10)

/*
 * Finds the places in the logical volumes of the physical volume that begins at byte `base` of the
 * device.  Reports the superblocks of the first PV_LVS logical volumes, and then their journals,
 * because the caller may have no space for all places.  A place that is not contiguous on the
 * device is reported in parts.  Reports nothing if there is no physical volume, or if memory is
 * missing.
 */
void lv_places(const struct fs_reader *r, uint64_t base);

#endif /* ERAD_LV_PLACES_H */
