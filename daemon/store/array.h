/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The era array: for each block, the newest era it was written in.
 *
 * Nothing here locks.  One thread at a time folds; others may read meanwhile
 * and then see a sector as it was before, as it is after, or damaged.
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
	uint64_t start;		/* page of the engine */
	uint64_t pages;
	uint64_t nr_blocks;
	uint32_t chunk;		/* pages in one piece, followed by their copies; 0: all, no copies */
	uint32_t tag;
};

/* What a fold reads and writes at a time; its buffer's size. */
#define ARRAY_FOLD_PAGES	16u

/* The array's own pages, or their copies in a snapshot (snapshot.h). */
enum array_part {
	ARRAY_MAIN,
	ARRAY_COPY,
};

#define ARRAY_PAGE_SECTORS	(ERAD_PAGE / ERAD_SECTOR)

void array_init(struct array *a, struct engine *e, const struct erad_disk_super *sb);

/*
 * Raises the entry of every block in o to its era there, and writes every
 * page this concerns, even those that need no change: what an earlier attempt
 * wrote may be readable and yet not durable, if the flush after it failed.
 * Not durable before a flush.
 *
 * A damaged sector with blocks in o is made to say that all of its blocks were
 * written in era `newest`, and counted in *over_marked.
 *
 * buf has ARRAY_FOLD_PAGES aligned pages.
 */
int array_fold(struct array *a, const struct overlay *o, uint32_t newest, void *buf,
	       uint64_t *over_marked, struct err *err);

/* The engine's page that a page is; *nr is cut to the pages that follow it there in one piece. */
uint64_t array_place(const struct array *a, enum array_part part, uint64_t page, uint64_t *nr);

/* Whether pages first … first + nr - 1 are known to be zeros without reading them. */
bool array_hole(const struct array *a, enum array_part part, uint64_t first, uint64_t nr);

/* Reads, writes, zeroes them. */
int array_read(struct array *a, enum array_part part, void *buf, uint64_t first, uint64_t nr,
	       struct err *err);
int array_write(struct array *a, enum array_part part, void *buf, uint64_t first, uint64_t nr,
		struct err *err);
int array_zero(struct array *a, uint64_t first, uint64_t nr, struct err *err);

/* How many pages from this one on, up to max, all have blocks in o. */
uint64_t array_marked_pages(const struct array *a, const struct overlay *o, uint64_t page,
			    uint64_t max);

/* Puts the sector's tag, number and checksum in. */
void array_seal(struct erad_disk_eras *sector, uint32_t tag, uint64_t index);

/* What the checksum of the sector should be. */
uint32_t array_sector_csum(const struct erad_disk_eras *sector);

/* One beyond the last block of sector number index, which is on the device. */
uint64_t array_sector_end(const struct array *a, uint64_t index);

/* Whether a sector is what was written as number index of this array, or never was. */
bool array_sector_valid(const struct array *a, const struct erad_disk_eras *sector,
			uint64_t index);

/* Whether a sector is what was sealed with this tag and number. */
bool array_sealed(const struct erad_disk_eras *sector, uint32_t tag, uint64_t index);

#endif /* ERAD_ARRAY_H */
