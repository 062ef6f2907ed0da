/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a reader sees of the era array, a piece at a time: as it is now, or as
 * the snapshot shows it.  Folds, a resize and the end of the snapshot may come
 * meanwhile.
 */
#ifndef ERAD_VIEW_H
#define ERAD_VIEW_H

#include "store/state.h"

#define VIEW_PAGES	256u	/* of the array, at most, at a time: 1 MiB */
#define VIEW_BLOCKS	(VIEW_PAGES * ERAD_ERAS_PER_PAGE)
#define VIEW_STEP	16u	/* as many pages are left out if they are a hole */

struct view {
	struct store *s;
	bool of_snapshot;
	struct array array;		/* as at the beginning */
	struct snapshot snapshot;	/* the same, without `saved` */
	uint32_t era;			/* the newest that can be seen */
	uint32_t floor;			/* no block is older */
	uint64_t page, nr_pages;	/* of the piece */
	uint64_t first, len;		/* blocks of the piece, at most VIEW_BLOCKS */
	struct erad_disk_eras *sector;	/* VIEW_PAGES pages, or as many as there are */
	void *copies;			/* the same, if of_snapshot */
	/* A bit for each sector: it is damaged; nothing was ever written there, and so it was not read. */
	uint64_t damaged[VIEW_PAGES * ARRAY_PAGE_SECTORS / 64];
	uint64_t blank[VIEW_PAGES * ARRAY_PAGE_SECTORS / 64];
};

/* ENOENT if no snapshot is held.  view_end() frees what is allocated, even after an error. */
int view_begin(struct view *v, struct store *s, enum store_view which, struct err *err);
void view_end(struct view *v);

/* Goes to the next piece, at first to the first; false if there is none. */
bool view_next(struct view *v);

/*
 * Calls add for what is in memory of the piece's blocks and not, or perhaps
 * not, in the array.  Before view_read(): a fold moves marks from the one to the other,
 * and drops them here only when they can be read there.
 */
void view_marks(struct view *v,
		void (*add)(const struct overlay *o, uint64_t first, uint64_t len, void *ctx),
		void *ctx);

/*
 * Reads the piece into v->sector.  *nr: how many sectors have blocks; 0: nothing
 * was ever written there, and nothing has been read.  ESTALE: the snapshot has
 * been dropped.
 */
int view_read(struct view *v, unsigned int *nr, struct err *err);

/* Whether v->sector[i] is damaged. */
static inline bool view_damaged(const struct view *v, unsigned int i)
{
	return v->damaged[i / 64] >> i % 64 & 1;
}

/* Whether v->sector[i] is not to be looked at: its blocks were never written. */
static inline bool view_blank(const struct view *v, unsigned int i)
{
	return v->blank[i / 64] >> i % 64 & 1;
}

/* How many blocks v->sector[i] has; the first of them is v->first + i * ERAD_ERAS_PER_SECTOR. */
static inline unsigned int view_sector_blocks(const struct view *v, unsigned int i)
{
	const uint64_t left = v->len - i * ERAD_ERAS_PER_SECTOR;

	return left < ERAD_ERAS_PER_SECTOR ? left : ERAD_ERAS_PER_SECTOR;
}

#endif /* ERAD_VIEW_H */
