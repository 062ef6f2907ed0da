/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the places of file systems that are in logical volumes.  The physical volumes of these
 * logical volumes are on one device.  fs_places.h finds the places of a file system that begins at
 * a known byte of the device.
 *
 * LVM's metadata on the device says where the logical volumes lie (pv_layout.h).  The tables of
 * mapped devices are not used, because the logical volumes are not active when a seal is made.
 * Only the choice of the places depends on LVM's metadata; the hashes do not.  So wrong or old
 * metadata may leave a place out, but cannot cause a false alarm.
 *
 * Leaves out a logical volume whose first byte is on another physical volume, and a logical volume
 * that is not made of linear and striped segments, for example a thin one.  Finds nothing if the
 * device contains no metadata of LVM, or if the text of this metadata is longer than PV_TEXT_MAX.
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
 * Finds the places in the first PV_LVS logical volumes of each physical volume.  base: where physical
 * volumes may begin, in bytes from the start of the device.  nr: the number of these positions.
 *
 * The caller may have no space for all places.  So this function first reports the superblocks of the
 * first logical volume of each physical volume, then the superblocks of the second logical volumes,
 * and so on.  Then it reports the journals in the same order, and only for this purpose it reads
 * the journals.  Ends when `add` returns false.  A place that is not contiguous on the device is
 * reported in parts.  Leaves out a physical volume if memory is missing.
 */
void lv_places(const struct fs_reader *r, const uint64_t *base, unsigned int nr);

#endif /* ERAD_LV_PLACES_H */
