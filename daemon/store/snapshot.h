/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A snapshot of the era array: its pages as they were when an era began.  Pages that have changed
 * since are kept as copies (erad_format.h).  Nothing here locks: see state.h.
 */
#ifndef ERAD_SNAPSHOT_H
#define ERAD_SNAPSHOT_H

#include "store/array.h"

struct snapshot {
	uint32_t era;		/* newest era that the snapshot shows; 0: there is no snapshot */
	uint32_t tag;		/* tag of the sectors of its copies */
	uint32_t floor_era;
	bool lasts;
	uint64_t nr_sectors;	/* size of the device when the snapshot was taken */
	uint64_t nr_blocks;
	uint64_t pages;
	struct bitset saved;	/* pages with a copy that is known to be durable; must be the last field, because view_begin() leaves it out */
};

/* Fills in what the superblock has.  Does not free the former content of *p. */
void snapshot_init(struct snapshot *p, const struct erad_disk_super *sb);
/* Returns the nodes of `saved` to the pool. */
void snapshot_destroy(struct snapshot *p, struct nodes *to);

/*
 * Copies every page that has blocks in o and may have no durable copy yet.  *wrote: pages were
 * copied, so a flush is needed before any of these pages changes.  buf has ARRAY_FOLD_PAGES aligned
 * pages.  A copy that exists may have been written before a crash and never flushed, so it is
 * written again.  A damaged sector of the array is copied as written in the newest era that the
 * snapshot shows.
 */
int snapshot_save(const struct snapshot *p, struct array *a, const struct overlay *o, void *buf,
		  bool *wrote, struct err *err);

/*
 * Notes that the copies are durable.  Call this after the flush.  Takes nodes from the pool.  A
 * page for which the pool has no node is copied again by the next fold that changes it.
 */
void snapshot_saved(struct snapshot *p, const struct array *a, const struct overlay *o,
		    struct nodes *pool);

/*
 * Reads pages as the snapshot shows them.  copies has room for as many pages.  A fold may go on
 * meanwhile.  Sectors are sealed as the array's own sectors.  A sector that has not changed since
 * the snapshot may be damaged.
 */
int snapshot_read(const struct snapshot *p, struct array *a, void *buf, void *copies,
		  uint64_t first, uint64_t nr, struct err *err);

#endif /* ERAD_SNAPSHOT_H */
