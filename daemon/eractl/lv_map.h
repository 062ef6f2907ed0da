/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Translates offsets on a volume to offsets in a logical volume.  The volume lies below a physical
 * volume of LVM.
 */
#ifndef ERACTL_LV_MAP_H
#define ERACTL_LV_MAP_H

#include <stdint.h>

#include "common/err.h"

struct lv_map;

/*
 * Reads where the parts of a logical volume lie on the volume.  The logical volume is given as
 * "VG/LV", or as a path of its device.  lv and volume must stay valid until lv_map_free(), with
 * which the caller frees *out.  ENOENT: the logical volume is not active, or the volume is not
 * open.  EOPNOTSUPP: the logical volume is thin, or another mapping cannot be translated; err says
 * what to do.  EINVAL: a part of the logical volume lies on a device that is no volume of erad, or
 * no part lies on this volume.  If a part lies on another volume, prints a note to stderr.
 */
int lv_map_new(const char *lv, const char *volume, struct lv_map **out, struct err *err);
void lv_map_free(struct lv_map *m);

/* Returns the size of the logical volume in bytes. */
uint64_t lv_map_size(const struct lv_map *m);

/* Adds an extent of the volume, in bytes.  Returns 0 or ENOMEM. */
int lv_map_add(struct lv_map *m, uint64_t offset, uint64_t length);

/*
 * Calls fn for each part of the logical volume that the added extents cover, in ascending order.
 * Neighbouring parts are joined.  If fn returns another value than 0, stops and returns this value.
 */
int lv_map_walk(struct lv_map *m, int (*fn)(void *ctx, uint64_t offset, uint64_t length, struct err *err), void *ctx,
		struct err *err);

#endif /* ERACTL_LV_MAP_H */
