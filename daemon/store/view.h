/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the era array in pieces, either its current content or the content that the snapshot shows.
 * Between two pieces, there may be folds, a resize, or the end of the snapshot.
 */
#ifndef ERAD_VIEW_H
#define ERAD_VIEW_H

#include "store/state.h"

#define VIEW_PAGES	256u	/* limit of pages in a piece: 1 MiB */
#define VIEW_BLOCKS	(VIEW_PAGES * ERAD_ERAS_PER_PAGE)
#define VIEW_STEP	16u	/* holes are left out in units of this many pages */

struct view {
	struct store *s;
	bool of_snapshot;
	struct array array;		/* copy of the array's fields, made in view_begin() */
	/* Copy of the snapshot's fields, without `saved`, made in view_begin(). */
	struct snapshot snapshot;
	uint32_t era;			/* newest era that the view shows */
	uint32_t floor;			/* era of the floor: no block has an older era */
	uint64_t page, nr_pages;	/* first page of the piece, and number of its pages */
	/* First block of the piece, and number of its blocks (up to VIEW_BLOCKS) */
	uint64_t first, len;
	/* Buffer of VIEW_PAGES pages, or of all pages if there are fewer. */
	struct erad_disk_eras *sector;
	void *copies;			/* buffer for copies if of_snapshot is true */
	/*
	 * Bitmaps with a bit for each sector.  damaged: damaged sectors.  blank: sectors that were
	 * never written and were not read.
	 */
	uint64_t damaged[VIEW_PAGES * ARRAY_PAGE_SECTORS / 64];
	uint64_t blank[VIEW_PAGES * ARRAY_PAGE_SECTORS / 64];
};

/*
 * Begins a view.  ENOENT: there is no snapshot.  The caller calls view_end(), also after an error.
 */
int view_begin(struct view *v, struct store *s, enum store_view which, struct err *err);
void view_end(struct view *v);

/*
 * Moves to the next piece; the first call moves to the first piece.  Returns false after the last
 * piece.
 */
bool view_next(struct view *v);

/*
 * Moves to a piece that contains these blocks.  Returns false if the view does not contain all of
 * these blocks, or if len is 0 or more than 4096.
 */
bool view_at(struct view *v, uint64_t first, uint64_t len);

/*
 * Calls add for the marks in memory that may not be in the array yet; for a snapshot, does nothing.
 * Context of add: s->lock.  Call this before view_read().  In this order no mark is missed, because
 * a fold drops marks from memory only when they can be read in the array.
 */
void view_marks(struct view *v,
		void (*add)(const struct overlay *o, uint64_t first, uint64_t len, void *ctx),
		void *ctx);

/*
 * Reads the piece into v->sector.  Sets *nr to the number of sectors that contain blocks.  0:
 * nothing was ever written to the piece, so nothing was read.  ESTALE: the snapshot has been
 * dropped.
 */
int view_read(struct view *v, unsigned int *nr, struct err *err);

/* Returns whether v->sector[i] is damaged. */
static inline bool view_damaged(const struct view *v, unsigned int i)
{
	return v->damaged[i / 64] >> i % 64 & 1;
}

/* Returns whether v->sector[i] must not be used, because nothing was ever written to the sector. */
static inline bool view_blank(const struct view *v, unsigned int i)
{
	return v->blank[i / 64] >> i % 64 & 1;
}

/*
 * Returns how many blocks v->sector[i] contains.  Its first block is v->first + i *
 * ERAD_ERAS_PER_SECTOR.
 */
static inline unsigned int view_sector_blocks(const struct view *v, unsigned int i)
{
	const uint64_t left = v->len - i * ERAD_ERAS_PER_SECTOR;

	return left < ERAD_ERAS_PER_SECTOR ? left : ERAD_ERAS_PER_SECTOR;
}

#endif /* ERAD_VIEW_H */
