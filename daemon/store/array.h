/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The era array: for each block, the newest era in which the block was written.  The functions take
 * no locks.  Only one thread at a time may fold.  Other threads may read at the same time; they
 * find a sector as it was before the fold, or as it is after the fold, or damaged.
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
	uint64_t start;		/* page of the engine where the array begins */
	uint64_t pages;
	uint64_t nr_blocks;
	/*
	 * Number of pages in a piece of the array; copies of these pages follow each piece.  0: the
	 * array is one piece, and has no copies.
	 */
	uint32_t chunk;
	uint32_t tag;
};

/*
 * Number of pages that a fold reads and writes at a time.  The fold's buffer has this many pages.
 */
#define ARRAY_FOLD_PAGES	16u

/*
 * Which pages a function uses: the pages of the array, or their copies in a snapshot (snapshot.h).
 */
enum array_part {
	ARRAY_MAIN,
	ARRAY_COPY,
};

#define ARRAY_PAGE_SECTORS	(ERAD_PAGE / ERAD_SECTOR)

void array_init(struct array *a, struct engine *e, const struct erad_disk_super *sb);

/*
 * Raises the entry of every block of o to the block's era in o.  Not durable before a flush.  If a
 * sector with blocks of o is damaged, marks all blocks of the sector as written in era `newest`,
 * and adds their number to *over_marked.  buf has ARRAY_FOLD_PAGES aligned pages.
 *
 * Also writes pages that do not change, because an earlier attempt may have written such a page,
 * and its flush may have failed.  Such a page can be read, but may not be durable.
 */
int array_fold(struct array *a, const struct overlay *o, uint32_t newest, void *buf,
	       uint64_t *over_marked, struct err *err);

/*
 * Returns the page of the engine that contains page `page` of the array, or the copy of this page.
 * If fewer than *nr pages, beginning with `page`, are in the same piece, reduces *nr to their
 * number.
 */
uint64_t array_place(const struct array *a, enum array_part part, uint64_t page, uint64_t *nr);

/* Returns whether pages first … first + nr - 1 are known, without reading them, to be zeros. */
bool array_hole(const struct array *a, enum array_part part, uint64_t first, uint64_t nr);

/* These functions read or write pages of the array. */
int array_read(struct array *a, enum array_part part, void *buf, uint64_t first, uint64_t nr,
	       struct err *err);
int array_write(struct array *a, enum array_part part, void *buf, uint64_t first, uint64_t nr,
		struct err *err);

/* Returns how many consecutive pages, from `page` on, each contain blocks of o, but at most max. */
uint64_t array_marked_pages(const struct array *a, const struct overlay *o, uint64_t page,
			    uint64_t max);

/* Sets the sector's tag, number and checksum. */
void array_seal(struct erad_disk_eras *sector, uint32_t tag, uint64_t index);

/* Returns the checksum that the sector must have for its content. */
uint32_t array_sector_csum(const struct erad_disk_eras *sector);

/*
 * Returns the end of sector number `index`: the block after its last block.  Blocks beyond the
 * device do not count.
 */
uint64_t array_sector_end(const struct array *a, uint64_t index);

/*
 * Returns whether a sector has valid content as number `index` of this array, or was never written.
 */
bool array_sector_valid(const struct array *a, const struct erad_disk_eras *sector,
			uint64_t index);

/* Returns whether a sector was sealed with this tag and number. */
bool array_sealed(const struct erad_disk_eras *sector, uint32_t tag, uint64_t index);

#endif /* ERAD_ARRAY_H */
