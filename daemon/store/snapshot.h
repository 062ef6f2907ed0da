/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A snapshot of the era array: the pages of the array at the beginning of an era.  Before a page
 * changes, its content is saved as a copy (erad_format.h).  The functions take no locks: see
 * state.h.
 */
#ifndef ERAD_SNAPSHOT_H
#define ERAD_SNAPSHOT_H

#include "store/array.h"

struct snapshot {
	uint32_t era;		/* newest era that the snapshot shows; 0: there is no snapshot */
	uint32_t tag;		/* tag of the sectors in this snapshot's copies */
	uint32_t floor_era;
	bool lasts;
	uint64_t nr_sectors;	/* size of the device when the snapshot was taken */
	uint64_t nr_blocks;
	uint64_t pages;
	/*
	 * Pages whose copy is known to be durable.  Must be the last field, because view_begin()
	 * does not copy it.
	 */
	struct bitset saved;
};

/* Sets the fields from the superblock.  Does not free the former content of *p. */
void snapshot_init(struct snapshot *p, const struct erad_disk_super *sb);
/* Frees the snapshot.  The nodes of `saved` go to the pool. */
void snapshot_destroy(struct snapshot *p, struct nodes *to);

/*
 * Copies every page that contains blocks of o and may have no durable copy yet.  Sets *wrote to
 * true if pages were copied.  If so, a flush is needed before any of these pages changes.  buf has
 * ARRAY_FOLD_PAGES aligned pages.  A copy from before a crash is written again, because it may not
 * be durable.  If a sector of the array is damaged, its copy says that its blocks were written in
 * the newest era that the snapshot shows.
 */
int snapshot_save(const struct snapshot *p, struct array *a, const struct overlay *o, void *buf,
		  bool *wrote, struct err *err);

/*
 * Records that the copies are durable.  Call this after the flush.  Takes nodes from the pool.  If
 * the pool has no node for a page, the next fold that changes the page copies the page again.
 */
void snapshot_saved(struct snapshot *p, const struct array *a, const struct overlay *o,
		    struct nodes *pool);

/*
 * Reads pages as the snapshot shows them.  A fold may run at the same time.  copies: a buffer for
 * nr pages.  The sectors have tags, numbers and checksums, as in the array.  A sector that has not
 * changed since the snapshot may be damaged.
 */
int snapshot_read(const struct snapshot *p, struct array *a, void *buf, void *copies,
		  uint64_t first, uint64_t nr, struct err *err);

#endif /* ERAD_SNAPSHOT_H */
