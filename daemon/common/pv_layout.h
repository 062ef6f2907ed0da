/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where logical volumes lie on a physical volume, as LVM's text on the physical volume says
 * (pv_text.h).  Needs no program of LVM and no mapped device.
 *
 * Knows linear and striped segments.  A linear segment is a striped segment with one stripe.  LVM
 * builds other logical volumes, for example of raid1, from hidden logical volumes that have these
 * segments.  The functions find the hidden logical volumes.
 *
 * The text is not trusted: each number is checked before it is used, and nothing recurses.
 */
#ifndef ERAD_PV_LAYOUT_H
#define ERAD_PV_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

/* Limit of the logical volumes.  Further ones are left out. */
#define PV_LVS		60u
/*
 * Limits of the segments: of all logical volumes together, and of one logical volume.  Further
 * segments are left out.
 */
#define PV_SEGMENTS	1024u
#define PV_LV_SEGMENTS	64u

/*
 * A segment of a logical volume, as far as it is on this physical volume.  All positions are in
 * bytes.
 */
struct pv_segment {
	uint64_t from, length;	/* position and length of the segment in the logical volume */
	uint64_t at;		/* position of the segment's part on this physical volume */
	uint64_t stripe_size;
	uint32_t nr_stripes;	/* 1: the segment is linear */
	uint32_t stripe;	/* number of the stripe that is on this physical volume */
};

struct pv_lv {
	uint32_t first, nr;	/* index of the first segment, and number of segments */
};

struct pv_layout {
	/* The logical volumes whose byte 0 is on this physical volume. */
	uint32_t nr_lvs, nr_segments;
	struct pv_lv lv[PV_LVS];
	struct pv_segment segment[PV_SEGMENTS];
};

/*
 * Reads the text.  uuid: the UUID of the physical volume, without dashes.  Returns 0.  Returns
 * EBADMSG if the text has another form than LVM writes.  Returns ENODATA if the text does not name
 * this physical volume.  After an error, *out contains no logical volume.
 */
int pv_layout_parse(const char *text, size_t len, const char *uuid, struct pv_layout *out);

/*
 * Sets *at to the position on the physical volume of byte `offset` of the logical volume.  Returns
 * how many bytes follow each other from there on, at most len.  Returns 0 if the byte is not on
 * this physical volume.
 */
uint64_t pv_layout_map(const struct pv_layout *l, const struct pv_lv *lv, uint64_t offset, uint64_t len, uint64_t *at);

#endif /* ERAD_PV_LAYOUT_H */
