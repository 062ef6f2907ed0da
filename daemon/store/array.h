/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The era array: for each block, the newest era in which it was written.
 *
 * Nothing here locks.  One thread at a time folds.  Other threads may read meanwhile; then they see
 * a sector as it was before, or as it is after, or damaged.
 */
#ifndef ERAD_ARRAY_H
#define ERAD_ARRAY_H

#include <stdbool.h>
#include <stdint.h>

#include "erad_format.h"
#include "store/engine.h"
#include "store/overlay.h"

struct array {
	struct engine *e;
	uint64_t start;		/* first page of the array, on the engine */
	uint64_t pages;
	uint64_t nr_blocks;
	uint32_t chunk;		/* pages in one piece, followed by their copies; 0: one piece, without copies */
	uint32_t tag;
};

/* How many pages a fold reads and writes at a time; the size of its buffer. */
#define ARRAY_FOLD_PAGES	16u

/* Which pages are meant: the array's own, or their copies in a snapshot (snapshot.h). */
enum array_part {
	ARRAY_MAIN,
	ARRAY_COPY,
};

#define ARRAY_PAGE_SECTORS	(ERAD_PAGE / ERAD_SECTOR)

void array_init(struct array *a, struct engine *e, const struct erad_disk_super *sb);

/*
 * Raises the entry of every block of o to the block's era in o.  Writes every page that has such a
 * block, even if the page does not change: an earlier attempt may have written the page, and if the
 * flush after it failed, the page may be readable but not durable.  Not durable before a flush.  If
 * a sector with blocks of o is damaged, all blocks of the sector are marked as written in era
 * `newest`, and counted in *over_marked.  buf has ARRAY_FOLD_PAGES aligned pages.
 */
int array_fold(struct array *a, const struct overlay *o, uint32_t newest, void *buf,
	       uint64_t *over_marked, struct err *err);

/*
 * Returns the page of the engine for page `first` of the array.  Cuts *nr to the pages that follow
 * it in one piece.
 */
uint64_t array_place(const struct array *a, enum array_part part, uint64_t page, uint64_t *nr);

/* Returns whether pages first … first + nr - 1 are known to be zeros without reading them. */
bool array_hole(const struct array *a, enum array_part part, uint64_t first, uint64_t nr);

/* Read, write or zero pages of the array. */
int array_read(struct array *a, enum array_part part, void *buf, uint64_t first, uint64_t nr,
	       struct err *err);
int array_write(struct array *a, enum array_part part, void *buf, uint64_t first, uint64_t nr,
		struct err *err);
int array_zero(struct array *a, uint64_t first, uint64_t nr, struct err *err);

/* Returns how many pages, from this one on and at most max, all have blocks in o. */
uint64_t array_marked_pages(const struct array *a, const struct overlay *o, uint64_t page,
			    uint64_t max);

/* Sets the sector's tag, number and checksum. */
void array_seal(struct erad_disk_eras *sector, uint32_t tag, uint64_t index);

/* Returns the checksum that the sector should have. */
uint32_t array_sector_csum(const struct erad_disk_eras *sector);

/* Returns the block after the last block of sector number `index`; blocks beyond the device do not count. */
uint64_t array_sector_end(const struct array *a, uint64_t index);

/* Returns whether a sector has valid content as number `index` of this array, or was never written. */
bool array_sector_valid(const struct array *a, const struct erad_disk_eras *sector,
			uint64_t index);

/* Returns whether a sector was sealed with this tag and number. */
bool array_sealed(const struct erad_disk_eras *sector, uint32_t tag, uint64_t index);

#endif /* ERAD_ARRAY_H */
