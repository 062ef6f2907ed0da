/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A snapshot of the era array: its pages as they were when an era began, kept
 * as copies of those that have changed since (erad_format.h).
 *
 * Nothing here locks: see state.h.
 */
#ifndef ERAD_SNAPSHOT_H
#define ERAD_SNAPSHOT_H

#include "store/array.h"

struct snapshot {
	uint32_t era;		/* the newest that it shows; 0: none is held */
	uint32_t tag;		/* of the sectors of its copies */
	uint32_t floor_era;
	bool lasts;
	uint64_t nr_sectors;	/* of the device when it was taken */
	uint64_t nr_blocks;
	uint64_t pages;
	struct bitset saved;	/* pages with a copy that is known to be durable; the last, as view_begin() leaves it out */
};

/* What the superblock says of it.  What *p held is not freed. */
void snapshot_init(struct snapshot *p, const struct erad_disk_super *sb);
/* The nodes of `saved` go to the pool. */
void snapshot_destroy(struct snapshot *p, struct nodes *to);

/*
 * Copies every page with blocks in o that may have no durable copy yet; *wrote
 * says whether there was one, and then a flush is needed before any of these
 * pages is changed.  buf has ARRAY_FOLD_PAGES aligned pages.
 *
 * A copy that is found was written before a crash and perhaps never flushed:
 * it is written again.  A damaged sector of the array is copied as written
 * in the newest era that the snapshot shows.
 */
int snapshot_save(const struct snapshot *p, struct array *a, const struct overlay *o, void *buf,
		  bool *wrote, struct err *err);

/*
 * After that flush: the copies are durable.  Nodes for this come from the pool.  Pages for which it has
 * none are saved once more by the next fold that changes them.
 */
void snapshot_saved(struct snapshot *p, const struct array *a, const struct overlay *o,
		    struct nodes *pool);

/*
 * Reads pages as the snapshot shows them; copies has room for as many.  A fold
 * may go on meanwhile.  Sectors are sealed as the array's own; those that were
 * not changed since may be damaged.
 */
int snapshot_read(const struct snapshot *p, struct array *a, void *buf, void *copies,
		  uint64_t first, uint64_t nr, struct err *err);

#endif /* ERAD_SNAPSHOT_H */
