/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the era array piece by piece, as it is now or as the snapshot shows it.  Meanwhile there
 * may be folds, a resize, and the end of the snapshot.
 */
#ifndef ERAD_VIEW_H
#define ERAD_VIEW_H

#include "store/state.h"

#define VIEW_PAGES	256u	/* pages of a piece, at most: 1 MiB */
#define VIEW_BLOCKS	(VIEW_PAGES * ERAD_ERAS_PER_PAGE)
#define VIEW_STEP	16u	/* a hole of at least this many pages is not read */

struct view {
	struct store *s;
	bool of_snapshot;
	struct array array;		/* the array as it was in view_begin() */
	struct snapshot snapshot;	/* the snapshot as it was in view_begin(), without `saved` */
	uint32_t era;			/* newest era that the view shows */
	uint32_t floor;			/* the floor: no block is older */
	uint64_t page, nr_pages;	/* pages of the piece: the first, and how many */
	uint64_t first, len;		/* blocks of the piece, at most VIEW_BLOCKS */
	struct erad_disk_eras *sector;	/* VIEW_PAGES pages, or as many as there are */
	void *copies;			/* room for copies, if of_snapshot */
	/* A bit for each sector: it is damaged; it was never written, so it was not read. */
	uint64_t damaged[VIEW_PAGES * ARRAY_PAGE_SECTORS / 64];
	uint64_t blank[VIEW_PAGES * ARRAY_PAGE_SECTORS / 64];
};

/* Begins a view.  ENOENT: there is no snapshot.  Call view_end() in the end, also after an error. */
int view_begin(struct view *v, struct store *s, enum store_view which, struct err *err);
void view_end(struct view *v);

/* Goes to the next piece; the first call goes to the first.  Returns false if there is none. */
bool view_next(struct view *v);

/*
 * Adds the marks in memory that may not be in the array yet, by calling add.  Call this before
 * view_read(): a fold drops marks from memory only when the array has them and they can be read
 * there.
 */
void view_marks(struct view *v,
		void (*add)(const struct overlay *o, uint64_t first, uint64_t len, void *ctx),
		void *ctx);

/*
 * Reads the piece into v->sector.  *nr: how many sectors have blocks; 0: nothing was ever written
 * there, and nothing was read.  ESTALE: the snapshot has been dropped.
 */
int view_read(struct view *v, unsigned int *nr, struct err *err);

/* Returns whether v->sector[i] is damaged. */
static inline bool view_damaged(const struct view *v, unsigned int i)
{
	return v->damaged[i / 64] >> i % 64 & 1;
}

/* Returns whether v->sector[i] must not be used, because its blocks were never written. */
static inline bool view_blank(const struct view *v, unsigned int i)
{
	return v->blank[i / 64] >> i % 64 & 1;
}

/* Returns how many blocks v->sector[i] has.  The first of them is v->first + i * ERAD_ERAS_PER_SECTOR. */
static inline unsigned int view_sector_blocks(const struct view *v, unsigned int i)
{
	const uint64_t left = v->len - i * ERAD_ERAS_PER_SECTOR;

	return left < ERAD_ERAS_PER_SECTOR ? left : ERAD_ERAS_PER_SECTOR;
}

#endif /* ERAD_VIEW_H */
